"""Pages for users, API tokens and the audit."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
