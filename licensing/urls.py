"""Pages of the partner's licensing. Each collection stands under its REST name."""

from django.urls import path

from licensing.views import (
    alert_rules,
    alerts,
    assignments,
    clusters,
    customers,
    license_servers,
    registration_tokens,
    smart_accounts,
)

urlpatterns = [
    # what people decide and edit
    path("license-servers/", license_servers.license_servers, name="license-servers"),
    path("license-servers/add/", license_servers.license_server_add, name="license-server-add"),
    path("license-servers/<int:pk>/", license_servers.license_server, name="license-server"),
    path("license-servers/<int:pk>/edit/", license_servers.license_server_edit, name="license-server-edit"),
    path("license-servers/<int:pk>/secret/", license_servers.license_server_secret, name="license-server-secret"),
    path("license-servers/<int:pk>/delete/", license_servers.license_server_delete, name="license-server-delete"),
    path("license-servers/<int:pk>/check/", license_servers.license_server_check, name="license-server-check"),
    path("license-servers/<int:pk>/accounts/", license_servers.license_server_accounts, name="license-server-accounts"),
    path("smart-accounts/", smart_accounts.smart_accounts, name="smart-accounts"),
    path("smart-accounts/<int:pk>/", smart_accounts.smart_account, name="smart-account"),
    path("smart-accounts/<int:pk>/sync/", smart_accounts.smart_account_sync, name="smart-account-sync"),
    path("smart-accounts/<int:pk>/edit/", smart_accounts.smart_account_edit, name="smart-account-edit"),
    path("smart-accounts/<int:pk>/secret/", smart_accounts.smart_account_secret, name="smart-account-secret"),
    path("smart-accounts/<int:pk>/pause/", smart_accounts.smart_account_pause, name="smart-account-pause"),
    path("smart-accounts/<int:pk>/resume/", smart_accounts.smart_account_resume, name="smart-account-resume"),
    path("smart-accounts/<int:pk>/remove/", smart_accounts.smart_account_remove, name="smart-account-remove"),
    path("registration-tokens/", registration_tokens.registration_tokens, name="registration-tokens"),
    path("registration-tokens/add/", registration_tokens.registration_token_add, name="registration-token-add"),
    path(
        "registration-tokens/record/", registration_tokens.registration_token_record, name="registration-token-record"
    ),
    path("registration-tokens/errands/<str:key>/", registration_tokens.token_errand, name="token-errand"),
    path("registration-tokens/<int:pk>/", registration_tokens.registration_token, name="registration-token"),
    path(
        "registration-tokens/<int:pk>/revoke/",
        registration_tokens.registration_token_revoke,
        name="registration-token-revoke",
    ),
    path("customers/", customers.customers, name="customers"),
    path("customers/add/", customers.customer_add, name="customer-add"),
    path("customers/<int:pk>/", customers.customer, name="customer"),
    path("customers/<int:pk>/edit/", customers.customer_edit, name="customer-edit"),
    path("customers/<int:pk>/delete/", customers.customer_delete, name="customer-delete"),
    path("clusters/", clusters.clusters, name="clusters"),
    path("clusters/add/", clusters.cluster_add, name="cluster-add"),
    path("clusters/<int:pk>/", clusters.cluster, name="cluster"),
    path("clusters/<int:pk>/edit/", clusters.cluster_edit, name="cluster-edit"),
    path("clusters/<int:pk>/delete/", clusters.cluster_delete, name="cluster-delete"),
    path("clusters/<int:pk>/assign/", assignments.cluster_assign, name="cluster-assign"),
    path("virtual-accounts/<int:pk>/assign/", assignments.virtual_account_assign, name="virtual-account-assign"),
    path("assignments/", assignments.assignments, name="assignments"),
    path("assignments/<int:pk>/", assignments.assignment, name="assignment"),
    path("assignments/<int:pk>/end/", assignments.assignment_end, name="assignment-end"),
    path("alerts/", alerts.alerts, name="alerts"),
    path("alerts/<int:pk>/", alerts.alert, name="alert"),
    path("alerts/<int:pk>/acknowledge/", alerts.alert_acknowledge, name="alert-acknowledge"),
    path("alert-rules/", alert_rules.alert_rules, name="alert-rules"),
    path("alert-rules/<int:pk>/edit/", alert_rules.alert_rule_edit, name="alert-rule-edit"),
]
