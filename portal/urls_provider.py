"""Routes of the provider's host. No licensing page, and no licensing table, is here."""

from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", RedirectView.as_view(url="/admin/"), name="overview"),
    path("accounts/", include("allauth.urls")),
]
