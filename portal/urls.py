"""Route the pages of a partner's host."""

from django.urls import include, path

from people.accounts import email
from people.admin_site import partner_site

APPS = (
    "pools",
    "orders",
    "mirror",
    "allocation",
    "figures",
    "alerts",
    "accounts",
    "fleet",
    "assignments",
    "channels",
    "statements",
)

urlpatterns = [
    *(path("", include(f"licensing.{app}.urls")) for app in APPS),
    path("", include("people.urls")),
    path("admin/", partner_site.urls),
    path("accounts/email/", email),
    path("accounts/", include("allauth.urls")),
    path("api/", include("portal.rest.urls")),
]
