"""Pages of positions, of growth and of the price list, each under its REST name."""

from django.urls import path

from licensing.figures.pages import growth, positions, prices

urlpatterns = [
    path("positions/", positions.positions, name="positions"),
    path("growth/", growth.growth, name="growth"),
    path("growth/settings/", growth.growth_settings, name="growth-settings"),
    path("prices/", prices.prices, name="prices"),
    path("prices/add/", prices.price_add, name="price-add"),
    path("prices/import/", prices.prices_import, name="prices-import"),
    path("prices/<int:pk>/", prices.price, name="price"),
    path("prices/<int:pk>/edit/", prices.price_edit, name="price-edit"),
    path("prices/<int:pk>/delete/", prices.price_delete, name="price-delete"),
]
