"""Serve licenses and their trend in REST."""

import django_filters
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from kit.rest.fields import AsOf
from kit.rest.filters import GoneFilter, LinkFilter
from kit.rest.paging import PastCursor
from licensing.mirror import trend
from licensing.mirror.filters import LicensesPast
from licensing.mirror.models import (
    License,
    LicenseLine,
)
from licensing.mirror.rest.trend import TrendSerializer

SUBSTITUTIONS = {
    "type": "array",
    "description": "Higher licenses that Cisco lends to this one.",
    "items": {"type": "object", "additionalProperties": True},
}
QUANTITY_FIELDS = ("quantity", "in_use", "available", "reserved", "pending")


class LicenseLineSerializer(serializers.ModelSerializer[LicenseLine]):
    class Meta:
        model = LicenseLine
        fields = ["type", "quantity", "start", "end", "subscription_id", "status"]


@extend_schema_field(SUBSTITUTIONS)
class SubstitutionsField(serializers.JSONField):
    pass


class LicenseSerializer(serializers.ModelSerializer[License]):
    lines = LicenseLineSerializer(many=True, read_only=True)
    substitutions = SubstitutionsField(read_only=True)
    as_of = AsOf()

    class Meta:
        model = License
        fields = [
            "id",
            "virtual_account",
            "name",
            *QUANTITY_FIELDS,
            "status",
            "billing_type",
            "lines",
            "substitutions",
            "as_of",
            "gone_at",
        ]


class LicenseFilters(LicensesPast):
    virtual_account = LinkFilter()
    smart_account = LinkFilter(field_name="virtual_account__smart_account")
    name = django_filters.CharFilter()
    status = django_filters.ChoiceFilter(choices=License.Status.choices)
    gone = GoneFilter()


class Licenses(ReadOnlyModelViewSet[License]):
    queryset = License.objects.select_related("virtual_account__smart_account").prefetch_related("lines")
    serializer_class = LicenseSerializer
    filterset_class = LicenseFilters
    pagination_class = PastCursor

    @extend_schema(responses={200: TrendSerializer})
    @action(detail=True, methods=["get"])
    def trend(self, request: Request, pk: int) -> Response:
        """Return its days, the ends of its terms, and when it runs out at the present pace."""
        return Response(TrendSerializer(trend.of(self.get_object(), timezone.now().date())).data)
