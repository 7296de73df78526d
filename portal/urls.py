"""Routes of a partner's host."""

from django.urls import include, path

urlpatterns = [
    path("", include("licensing.urls")),
    path("", include("people.urls")),
    path("accounts/", include("allauth.urls")),
    path("api/", include("licensing.api.urls")),
]
