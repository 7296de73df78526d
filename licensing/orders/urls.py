"""Pages of orders, each under its REST name, and of what arrived and moved."""

from django.urls import path

from licensing.orders.pages import movements, order_file, orders, proposals

urlpatterns = [
    path("orders/", orders.orders, name="orders"),
    path("orders/add/", orders.order_add, name="order-add"),
    path("orders/import/", order_file.order_import, name="order-import"),
    path("orders/proposals/", proposals.order_proposals, name="order-proposals"),
    path("orders/<int:pk>/", orders.order, name="order"),
    path("orders/<int:pk>/edit/", orders.order_edit, name="order-edit"),
    path("orders/<int:pk>/delete/", orders.order_delete, name="order-delete"),
    path("movements/", movements.movements, name="movements"),
]
