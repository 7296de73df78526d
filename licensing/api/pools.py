"""The mirror: virtual accounts, licenses, product instances, registration tokens."""

from typing import Any

import django_filters
from django.db.models import Prefetch
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from licensing import accounts, tokens
from licensing.api.base import Collection, Link, StrictFilters, as_of, link_filter
from licensing.models import (
    InstanceUsage,
    License,
    LicenseLine,
    ProductInstance,
    RegistrationToken,
    VirtualAccount,
)
from people.gate import Need


class VirtualAccountSerializer(serializers.ModelSerializer[VirtualAccount]):
    class Meta:
        model = VirtualAccount
        fields = [
            "id", "smart_account", "name", "description", "is_default", "access_level", "purpose", "license_mode",
            "gone_at",
        ]  # fmt: skip
        read_only_fields = ["smart_account", "name", "description", "is_default", "access_level", "gone_at"]


class VirtualAccountFilters(StrictFilters):
    smart_account = link_filter("smart_account")
    purpose = django_filters.ChoiceFilter(choices=VirtualAccount.Purpose.choices)
    license_mode = django_filters.ChoiceFilter(choices=VirtualAccount.LicenseMode.choices)
    gone = django_filters.BooleanFilter(method="filter_gone")


class VirtualAccounts(Collection, mixins.UpdateModelMixin):
    """Mirrored; `purpose` and `license_mode` are the partner's own."""

    queryset = VirtualAccount.objects.select_related("smart_account").order_by("id")
    serializer_class = VirtualAccountSerializer
    filterset_class = VirtualAccountFilters
    write_need = Need.OPERATE
    http_method_names = ["get", "head", "options", "patch"]

    def perform_update(self, serializer: Any) -> None:
        pool, values = serializer.instance, serializer.validated_data
        if "purpose" in values:
            accounts.set_purpose(self.actor, pool, values["purpose"])
        if "license_mode" in values:
            accounts.set_license_mode(self.actor, pool, values["license_mode"])


class LicenseLineSerializer(serializers.ModelSerializer[LicenseLine]):
    class Meta:
        model = LicenseLine
        fields = ["type", "quantity", "start", "end", "subscription_id", "status"]


class LicenseSerializer(serializers.ModelSerializer[License]):
    lines = LicenseLineSerializer(many=True, read_only=True)
    substitutions = serializers.JSONField(read_only=True)
    as_of = serializers.SerializerMethodField()

    class Meta:
        model = License
        fields = [
            "id", "virtual_account", "name", "quantity", "in_use", "available", "reserved", "pending", "status",
            "billing_type", "lines", "substitutions", "as_of", "gone_at",
        ]  # fmt: skip

    @extend_schema(responses=serializers.DateTimeField(allow_null=True))
    def get_as_of(self, row: License) -> Any:
        return _moment(as_of(row, row.virtual_account))


class LicenseFilters(StrictFilters):
    virtual_account = link_filter("virtual_account")
    smart_account = link_filter("virtual_account__smart_account")
    status = django_filters.ChoiceFilter(choices=License.Status.choices)
    name = django_filters.CharFilter()
    gone = django_filters.BooleanFilter(method="filter_gone")


class Licenses(Collection):
    queryset = License.objects.select_related("virtual_account__smart_account").prefetch_related("lines").order_by("id")
    serializer_class = LicenseSerializer
    filterset_class = LicenseFilters


class InstanceUsageSerializer(serializers.ModelSerializer[InstanceUsage]):
    class Meta:
        model = InstanceUsage
        fields = ["license", "license_name", "quantity"]


class ProductInstanceSerializer(serializers.ModelSerializer[ProductInstance]):
    usage = InstanceUsageSerializer(many=True, read_only=True)
    as_of = serializers.SerializerMethodField()

    class Meta:
        model = ProductInstance
        fields = [
            "id", "virtual_account", "name", "host_name", "udi_pid", "serial", "uuid", "product_tag", "product_type",
            "status", "registered_at", "last_contact_at", "usage", "cluster", "as_of", "gone_at",
        ]  # fmt: skip

    @extend_schema(responses=serializers.DateTimeField(allow_null=True))
    def get_as_of(self, row: ProductInstance) -> Any:
        return _moment(as_of(row, row.virtual_account))


class ProductInstanceFilters(StrictFilters):
    virtual_account = link_filter("virtual_account")
    smart_account = link_filter("virtual_account__smart_account")
    cluster = link_filter("cluster")
    host_name = django_filters.CharFilter(lookup_expr="iexact")
    serial = django_filters.CharFilter(lookup_expr="iexact")
    gone = django_filters.BooleanFilter(method="filter_gone")


class ProductInstances(Collection):
    queryset = (
        ProductInstance.objects.select_related("virtual_account__smart_account")
        .prefetch_related(Prefetch("usage", InstanceUsage.objects.order_by("license_name")))
        .order_by("id")
    )
    serializer_class = ProductInstanceSerializer
    filterset_class = ProductInstanceFilters


class RegistrationTokenSerializer(serializers.ModelSerializer[RegistrationToken]):
    class Meta:
        model = RegistrationToken
        fields = [
            "id", "virtual_account", "description", "expires_at", "created_by", "export_controlled", "made_here",
            "gone_at",
        ]  # fmt: skip
        read_only_fields = fields


class NewTokenSerializer(serializers.Serializer[Any]):
    virtual_account = Link(VirtualAccount)
    description = serializers.CharField(max_length=500, allow_blank=True, default="")
    expires_after_days = serializers.IntegerField(min_value=1, max_value=365, default=30)


class MadeTokenSerializer(RegistrationTokenSerializer):
    token = serializers.CharField(help_text="The text, shown this once.")

    class Meta(RegistrationTokenSerializer.Meta):
        fields = [*RegistrationTokenSerializer.Meta.fields, "token"]


class RegistrationTokenFilters(StrictFilters):
    virtual_account = link_filter("virtual_account")
    export_controlled = django_filters.BooleanFilter()
    gone = django_filters.BooleanFilter(method="filter_gone")


class RegistrationTokens(Collection):
    queryset = RegistrationToken.objects.order_by("id")
    serializer_class = RegistrationTokenSerializer
    filterset_class = RegistrationTokenFilters
    write_need = Need.OPERATE

    @extend_schema(request=NewTokenSerializer, responses={201: MadeTokenSerializer})
    def create(self, request: Request) -> Response:
        """Make a token at Cisco. Its text is in this answer and nowhere else."""
        new = NewTokenSerializer(data=request.data)
        new.is_valid(raise_exception=True)
        values = new.validated_data
        made, text = tokens.create(
            self.actor, values["virtual_account"], values["description"], values["expires_after_days"]
        )
        answer = {**RegistrationTokenSerializer(made).data, "token": text}
        return Response(answer, status=status.HTTP_201_CREATED)


def _moment(value: Any) -> str | None:
    return serializers.DateTimeField().to_representation(value) if value else None
