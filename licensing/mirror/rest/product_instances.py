"""Product instances in REST."""

import django_filters
from django.db.models import Prefetch
from rest_framework import serializers
from rest_framework.viewsets import ReadOnlyModelViewSet

from kit.rest.fields import AsOf
from kit.rest.filters import GoneFilter, LinkFilter
from licensing.mirror.models import (
    InstanceUsage,
    ProductInstance,
)

IDENTITY_FIELDS = ("name", "host_name", "udi_pid", "serial", "uuid", "product_tag", "product_type")
CONTACT_FIELDS = ("status", "registered_at", "last_contact_at")


class InstanceUsageSerializer(serializers.ModelSerializer[InstanceUsage]):
    class Meta:
        model = InstanceUsage
        fields = ["license", "license_name", "quantity"]


class ProductInstanceSerializer(serializers.ModelSerializer[ProductInstance]):
    usage = InstanceUsageSerializer(many=True, read_only=True)
    as_of = AsOf()

    class Meta:
        model = ProductInstance
        fields = ["id", "virtual_account", *IDENTITY_FIELDS, *CONTACT_FIELDS, "usage", "cluster", "as_of", "gone_at"]


class ProductInstanceFilters(django_filters.FilterSet):
    virtual_account = LinkFilter()
    smart_account = LinkFilter(field_name="virtual_account__smart_account")
    cluster = LinkFilter()
    license = LinkFilter(field_name="usage__license", distinct=True)
    host_name = django_filters.CharFilter(lookup_expr="iexact")
    serial = django_filters.CharFilter(lookup_expr="iexact")
    uuid = django_filters.CharFilter(lookup_expr="iexact")
    status = django_filters.CharFilter(help_text="As Cisco words it.")
    gone = GoneFilter()


class ProductInstances(ReadOnlyModelViewSet[ProductInstance]):
    queryset = ProductInstance.objects.select_related("virtual_account__smart_account").prefetch_related(
        Prefetch("usage", InstanceUsage.objects.order_by("license_name"))
    )
    serializer_class = ProductInstanceSerializer
    filterset_class = ProductInstanceFilters
