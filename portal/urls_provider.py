"""Route the pages of the provider's host, which has no licensing pages and no licensing tables."""

from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from django.views.generic import RedirectView

from people.accounts import email
from tenants.admin import provider_site

urlpatterns = [
    path("", login_not_required(RedirectView.as_view(url="/admin/")), name="overview"),
    path("admin/", provider_site.urls),
    path("accounts/email/", email),
    path("accounts/", include("allauth.urls")),
]
