"""Serve product instances in REST."""

from typing import Any

import django_filters
from django.db.models import Prefetch
from rest_framework import mixins, serializers
from rest_framework.viewsets import ReadOnlyModelViewSet

from kit.rest.fields import AsOf, Link, RecordedOnly, Strict
from kit.rest.filters import GoneFilter, LinkFilter
from kit.rest.paging import PastCursor
from licensing.fleet import matching
from licensing.fleet.models import Cluster
from licensing.mirror.filters import ProductInstancesPast
from licensing.mirror.models import (
    InstanceUsage,
    ProductInstance,
)
from people import audit
from people.gate import Need

MIRRORED = (
    "virtual_account",
    "name",
    "host_name",
    "udi_pid",
    "serial",
    "uuid",
    "product_tag",
    "product_type",
    "status",
    "registered_at",
    "last_contact_at",
)


class InstanceUsageSerializer(serializers.ModelSerializer[InstanceUsage]):
    class Meta:
        model = InstanceUsage
        fields = ["license", "license_name", "quantity"]


class ProductInstanceSerializer(RecordedOnly, Strict, serializers.ModelSerializer[ProductInstance]):
    unrecorded = ProductInstance.OWN
    cluster = Link(
        Cluster,
        allow_null=True,
        required=False,
        help_text="Setting it decides by hand. Null: the instance belongs to no cluster.",
    )
    cluster_by_hand = serializers.BooleanField(
        required=False, help_text="False: the portal matches it by serial number and host name after each sync."
    )
    usage = InstanceUsageSerializer(many=True, read_only=True)
    as_of = AsOf()

    class Meta:
        model = ProductInstance
        fields = [
            "id",
            *MIRRORED,
            "usage",
            *ProductInstance.OWN,
            "as_of",
            "gone_at",
        ]
        read_only_fields = [*MIRRORED, "gone_at"]
        validators: list[Any] = []  # mirrored columns are not written here


class ProductInstanceFilters(ProductInstancesPast):
    virtual_account = LinkFilter()
    smart_account = LinkFilter(field_name="virtual_account__smart_account")
    cluster = LinkFilter()
    license = LinkFilter(field_name="usage__license", distinct=True)
    host_name = django_filters.CharFilter(lookup_expr="iexact")
    serial = django_filters.CharFilter(lookup_expr="iexact")
    uuid = django_filters.CharFilter(lookup_expr="iexact")
    status = django_filters.CharFilter(help_text="As Cisco words it.")
    gone = GoneFilter()


class ProductInstances(mixins.UpdateModelMixin, ReadOnlyModelViewSet[ProductInstance]):
    """Product instances as Cisco lists them.

    `cluster`, `cluster_by_hand` and `note` are the partner's own. They and `last_contact_at` are not recorded by day:
    rows of `as_of` have none of them.
    """

    queryset = ProductInstance.objects.select_related("virtual_account__smart_account").prefetch_related(
        Prefetch("usage", InstanceUsage.objects.order_by("license_name"))
    )
    serializer_class = ProductInstanceSerializer
    filterset_class = ProductInstanceFilters
    pagination_class = PastCursor
    write_need = Need.OPERATE
    http_method_names = ["get", "head", "patch"]

    def perform_update(self, serializer: Any) -> None:
        actor = audit.actor_of(self.request)
        matching.save_product_instance(actor, serializer.instance, serializer.validated_data)
