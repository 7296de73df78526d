"""Route the pages of customers and clusters. Each collection stands under its REST name."""

from django.urls import path

from licensing.fleet.pages import cluster_access, clusters, customers, fleet_file, transport

urlpatterns = [
    path("customers/", customers.customers, name="customers"),
    path("customers/add/", customers.customer_add, name="customer-add"),
    path("customers/<int:pk>/", customers.customer, name="customer"),
    path("customers/<int:pk>/edit/", customers.customer_edit, name="customer-edit"),
    path("customers/<int:pk>/delete/", customers.customer_delete, name="customer-delete"),
    path("transport/", transport.transport, name="transport"),
    path("clusters/", clusters.clusters, name="clusters"),
    path("clusters/export/", fleet_file.fleet_export, name="fleet-export"),
    path("clusters/import/", fleet_file.fleet_import, name="fleet-import"),
    path("clusters/add/", clusters.cluster_add, name="cluster-add"),
    path("clusters/<int:pk>/", clusters.cluster, name="cluster"),
    path("clusters/<int:pk>/edit/", clusters.cluster_edit, name="cluster-edit"),
    path("clusters/<int:pk>/delete/", clusters.cluster_delete, name="cluster-delete"),
    path("clusters/<int:pk>/access/", cluster_access.cluster_access, name="cluster-access"),
    path("clusters/<int:pk>/access/edit/", cluster_access.cluster_access_edit, name="cluster-access-edit"),
    path("clusters/<int:pk>/access/check/", cluster_access.cluster_access_check, name="cluster-access-check"),
]
