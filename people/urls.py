"""Pages for users, API tokens and the audit."""

from django.urls import path

from people import views

urlpatterns = [
    path("users/", views.users, name="users"),
    path("users/add/", views.user_add, name="user-add"),
    path("users/<int:pk>/", views.user, name="user"),
    path("users/<int:pk>/edit/", views.user_edit, name="user-edit"),
    path("users/<int:pk>/deactivate/", views.user_deactivate, name="user-deactivate"),
    path("users/<int:pk>/reactivate/", views.user_reactivate, name="user-reactivate"),
    path("users/<int:pk>/reset-password/", views.user_reset_password, name="user-reset-password"),
    path("api-tokens/", views.api_tokens, name="api-tokens"),
    path("api-tokens/add/", views.api_token_add, name="api-token-add"),
    path("api-tokens/<int:pk>/revoke/", views.api_token_revoke, name="api-token-revoke"),
    path("audit/", views.audit_entries, name="audit"),
    path("profile/", views.profile, name="profile"),
]
