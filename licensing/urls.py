"""Pages of the partner's licensing. Each collection stands under its REST name."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
