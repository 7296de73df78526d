"""Routes of a partner's host."""

from django.urls import include, path

from people.accounts import email
from people.admin_site import partner_site

urlpatterns = [
    path("", include("licensing.urls")),
    path("", include("people.urls")),
    path("admin/", partner_site.urls),
    path("accounts/email/", email),
    path("accounts/", include("allauth.urls")),
    path("api/", include("licensing.api.urls")),
]
