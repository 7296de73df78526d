"""Pages of explanations and what-if. Each collection stands under its REST name."""

from django.urls import path

from licensing.allocation.pages import explanation, what_if

urlpatterns = [
    path("licenses/<int:pk>/explained/", explanation.license_explained, name="license-explained"),
    path("allocation-rules/", explanation.allocation_rules, name="allocation-rules"),
    path("what-if/", what_if.what_if, name="what-if"),
]
