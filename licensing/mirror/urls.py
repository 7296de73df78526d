"""Route the pages of mirrored data. Each collection stands under its REST name."""

from django.urls import path

from licensing.mirror.pages import (
    changes,
    comparison,
    instance_actions,
    licenses,
    product_instances,
    registration_tokens,
    sync_runs,
    usage,
    virtual_account_actions,
    virtual_accounts,
)

urlpatterns = [
    path("virtual-accounts/", virtual_accounts.virtual_accounts, name="virtual-accounts"),
    path("virtual-accounts/add/", virtual_account_actions.virtual_account_add, name="virtual-account-add"),
    path(
        "virtual-accounts/errands/<str:key>/",
        virtual_account_actions.virtual_account_request,
        name="virtual-account-request",
    ),
    path(
        "virtual-accounts/<int:pk>/delete/",
        virtual_account_actions.virtual_account_delete,
        name="virtual-account-delete",
    ),
    path("virtual-accounts/<int:pk>/", virtual_accounts.virtual_account, name="virtual-account"),
    path("virtual-accounts/<int:pk>/changes/", changes.virtual_account_changes, name="virtual-account-changes"),
    path("virtual-accounts/<int:pk>/edit/", virtual_accounts.virtual_account_edit, name="virtual-account-edit"),
    path(
        "virtual-accounts/<int:pk>/purpose/", virtual_accounts.virtual_account_purpose, name="virtual-account-purpose"
    ),
    path("licenses/", licenses.licenses, name="licenses"),
    path("licenses/<int:pk>/", licenses.license, name="license"),
    path("licenses/<int:pk>/changes/", changes.license_changes, name="license-changes"),
    path("product-instances/", product_instances.product_instances, name="product-instances"),
    path("product-instances/<int:pk>/", product_instances.product_instance, name="product-instance"),
    path("product-instances/<int:pk>/edit/", product_instances.product_instance_edit, name="product-instance-edit"),
    path(
        "product-instances/<int:pk>/remove/", instance_actions.product_instance_remove, name="product-instance-remove"
    ),
    path(
        "product-instances/<int:pk>/replace/",
        instance_actions.product_instance_replace,
        name="product-instance-replace",
    ),
    path(
        "product-instances/<int:pk>/transfer/",
        instance_actions.product_instance_transfer,
        name="product-instance-transfer",
    ),
    path(
        "product-instances/<int:pk>/changes/",
        changes.product_instance_changes,
        name="product-instance-changes",
    ),
    path("product-instances/errands/<str:key>/", instance_actions.instance_request, name="instance-request"),
    path("usage/", usage.usage, name="usage"),
    path("sync-runs/", sync_runs.sync_runs, name="sync-runs"),
    path("sync-runs/comparison/", comparison.comparison, name="sync-run-comparison"),
    path("sync-runs/<int:pk>/", sync_runs.sync_run, name="sync-run"),
    path("sync-runs/<int:pk>/changes/", sync_runs.sync_run_changes, name="sync-run-changes"),
    path("registration-tokens/", registration_tokens.registration_tokens, name="registration-tokens"),
    path("registration-tokens/add/", registration_tokens.registration_token_add, name="registration-token-add"),
    path(
        "registration-tokens/record/", registration_tokens.registration_token_record, name="registration-token-record"
    ),
    path("registration-tokens/errands/<str:key>/", registration_tokens.token_request, name="token-request"),
    path("registration-tokens/<int:pk>/", registration_tokens.registration_token, name="registration-token"),
    path(
        "registration-tokens/<int:pk>/uses/",
        registration_tokens.registration_token_uses,
        name="registration-token-uses",
    ),
    path(
        "registration-tokens/<int:pk>/revoke/",
        registration_tokens.registration_token_revoke,
        name="registration-token-revoke",
    ),
]
