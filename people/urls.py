"""Route the pages for users, API tokens and the audit."""

from django.urls import path

from people import pages

urlpatterns = [
    path("users/", pages.users, name="users"),
    path("users/add/", pages.user_add, name="user-add"),
    path("users/<int:pk>/", pages.user, name="user"),
    path("users/<int:pk>/edit/", pages.user_edit, name="user-edit"),
    path("users/<int:pk>/deactivate/", pages.user_deactivate, name="user-deactivate"),
    path("users/<int:pk>/reactivate/", pages.user_reactivate, name="user-reactivate"),
    path("users/<int:pk>/reset-password/", pages.user_reset_password, name="user-reset-password"),
    path("api-tokens/", pages.api_tokens, name="api-tokens"),
    path("api-tokens/add/", pages.api_token_add, name="api-token-add"),
    path("api-tokens/<int:pk>/revoke/", pages.api_token_revoke, name="api-token-revoke"),
    path("audit/", pages.audit_entries, name="audit"),
    path("profile/", pages.profile, name="profile"),
]
