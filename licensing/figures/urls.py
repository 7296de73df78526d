"""Pages of positions."""

from django.urls import path

from licensing.figures.pages import positions

urlpatterns = [
    path("positions/", positions.positions, name="positions"),
]
