"""Route the pages of license servers and smart accounts. Each collection has its REST name."""

from django.urls import path

from licensing.accounts.pages import license_servers, smart_accounts

urlpatterns = [
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
]
