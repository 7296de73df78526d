"""The mirror: virtual accounts, licenses, product instances, registration tokens."""

from typing import Any

import django_filters
from django.db import transaction
from django.db.models import Prefetch
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from licensing import (
    accounts,
    errand_tasks,
    errands,
    explanation,
    holdings,
    shortages,
    tokens,
    trend,
    virtual_accounts,
)
from licensing.api.allocation import ExplainedSerializer
from licensing.api.fields import AsOf, Link, Strict, refuse_body
from licensing.api.filters import GoneFilter, LinkFilter, YesNoFilter
from licensing.api.instances import ErrandSerializer
from licensing.api.transfers import RemediesSerializer
from licensing.api.trend import TrendSerializer
from licensing.models import (
    InstanceUsage,
    License,
    LicenseLine,
    ProductInstance,
    RegistrationToken,
    SmartAccount,
    VirtualAccount,
)
from licensing.refusals import Refusal
from people import audit
from people.gate import Need, signed_in
from people.models import User

UNSET = "unset"  # how `?license_mode=` asks for none
SUBSTITUTIONS = {
    "type": "array",
    "description": "Higher licenses that Cisco lends to this one.",
    "items": {"type": "object", "additionalProperties": True},
}


class VirtualAccountSerializer(Strict, serializers.ModelSerializer[VirtualAccount]):
    owner = Link(User, required=False, allow_null=True)
    as_of = AsOf("smart_account")

    class Meta:
        model = VirtualAccount
        fields = [
            "id", "smart_account", "name", "description", "is_default", "access_level", "purpose", "license_mode",
            "cost_center", "region", "owner", "as_of", "gone_at",
        ]  # fmt: skip
        read_only_fields = ["smart_account", "name", "description", "is_default", "access_level", "gone_at"]
        validators: list[Any] = []  # the verb says it


class NewVirtualAccountSerializer(Strict, serializers.Serializer[Any]):
    smart_account = Link(SmartAccount)
    name = serializers.CharField(max_length=virtual_accounts.NAME_LENGTH)
    description = serializers.CharField(max_length=500, allow_blank=True, default="")


class VirtualAccountFilters(django_filters.FilterSet):
    smart_account = LinkFilter()
    name = django_filters.CharFilter()
    purpose = django_filters.ChoiceFilter(choices=VirtualAccount.Purpose.choices)
    license_mode = django_filters.ChoiceFilter(
        choices=[(value or UNSET, label) for value, label in VirtualAccount.LicenseMode.choices], method="filter_mode"
    )
    cost_center = django_filters.CharFilter(lookup_expr="iexact")
    region = django_filters.CharFilter(lookup_expr="iexact")
    owner = LinkFilter()
    gone = GoneFilter()

    def filter_mode(self, queryset: Any, name: str, value: str) -> Any:
        return queryset.filter(license_mode="" if value == UNSET else value)


class VirtualAccounts(mixins.UpdateModelMixin, ReadOnlyModelViewSet[VirtualAccount]):
    """Mirrored; `purpose`, `license_mode`, `cost_center`, `region` and `owner` are the partner's own."""

    queryset = VirtualAccount.objects.select_related("smart_account")
    serializer_class = VirtualAccountSerializer
    filterset_class = VirtualAccountFilters
    write_need = Need.OPERATE
    http_method_names = ["get", "head", "patch", "post", "delete"]
    waits_in = ("create", "destroy")

    @extend_schema(request=NewVirtualAccountSerializer, responses={202: ErrandSerializer})
    def create(self, request: Request) -> Response:
        """Make one at Cisco. A worker does it; the answer is an errand, whose `row` is the new virtual account."""
        new = NewVirtualAccountSerializer(data=request.data)
        new.is_valid(raise_exception=True)
        values = new.validated_data
        key = errand_tasks.start_virtual_account_creation(
            signed_in(request), values["smart_account"], values["name"], values["description"]
        )
        return self._begun(key)

    @extend_schema(responses={202: ErrandSerializer})
    def destroy(self, request: Request, pk: int) -> Response:
        """Delete it at Cisco, by a worker too. Refused while it is in use: `blockers` says by what."""
        return self._begun(errand_tasks.start_virtual_account_deletion(signed_in(request), self.get_object()))

    def _begun(self, key: str) -> Response:
        shown = ErrandSerializer(errands.find(key), context=self.get_serializer_context())
        return Response(shown.data, status=status.HTTP_202_ACCEPTED)

    @transaction.atomic
    def perform_update(self, serializer: Any) -> None:
        actor, pool, values = audit.actor_of(self.request), serializer.instance, serializer.validated_data
        if "purpose" in values:
            accounts.set_purpose(actor, pool, values["purpose"])
        if "license_mode" in values:
            accounts.set_license_mode(actor, pool, values["license_mode"])
        holder = {name: getattr(pool, name) for name in ("cost_center", "region", "owner")}
        if holder.keys() & values:
            accounts.set_holder(actor, pool, **{name: values.get(name, stored) for name, stored in holder.items()})


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
            "id", "virtual_account", "name", "quantity", "in_use", "available", "reserved", "pending", "status",
            "billing_type", "lines", "substitutions", "as_of", "gone_at",
        ]  # fmt: skip


class LicenseFilters(django_filters.FilterSet):
    virtual_account = LinkFilter()
    smart_account = LinkFilter(field_name="virtual_account__smart_account")
    name = django_filters.CharFilter()
    status = django_filters.ChoiceFilter(choices=License.Status.choices)
    gone = GoneFilter()


class Licenses(ReadOnlyModelViewSet[License]):
    queryset = License.objects.select_related("virtual_account__smart_account").prefetch_related("lines")
    serializer_class = LicenseSerializer
    filterset_class = LicenseFilters
    refuses_in = ("explanation",)

    @extend_schema(responses={200: TrendSerializer})
    @action(detail=True, methods=["get"])
    def trend(self, request: Request, pk: int) -> Response:
        """Its days, the ends of its terms, and when it runs out at the present pace."""
        return Response(TrendSerializer(trend.of(self.get_object(), timezone.now().date())).data)

    @extend_schema(responses={200: ExplainedSerializer})
    @action(detail=True, methods=["get"])
    def explanation(self, request: Request, pk: int) -> Response:
        """Who is served by what, and whether Cisco's figures say the same. 409 where the license is gone."""
        row = self.get_object()
        found = explanation.of_license(holdings.of([row.virtual_account])[row.virtual_account_id], row)
        if row.gone_at or found is None:
            raise Refusal(f"{row} is gone at Cisco.", "Ask for one that Cisco lists.")
        return Response(ExplainedSerializer(found).data)

    @extend_schema(responses=RemediesSerializer)
    @action(detail=True, methods=["get"])
    def remedies(self, request: Request, pk: int) -> Response:
        """What ends its shortage, each remedy with its effect; no options where nothing is short."""
        return Response(RemediesSerializer(shortages.remedies_for(self.get_object())).data)


class InstanceUsageSerializer(serializers.ModelSerializer[InstanceUsage]):
    class Meta:
        model = InstanceUsage
        fields = ["license", "license_name", "quantity"]


class ProductInstanceSerializer(serializers.ModelSerializer[ProductInstance]):
    usage = InstanceUsageSerializer(many=True, read_only=True)
    as_of = AsOf()

    class Meta:
        model = ProductInstance
        fields = [
            "id", "virtual_account", "name", "host_name", "udi_pid", "serial", "uuid", "product_tag", "product_type",
            "status", "registered_at", "last_contact_at", "usage", "cluster", "as_of", "gone_at",
        ]  # fmt: skip


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


class RegistrationTokenSerializer(serializers.ModelSerializer[RegistrationToken]):
    as_of = AsOf()

    class Meta:
        model = RegistrationToken
        fields = [
            "id", "virtual_account", "description", "expires_at", "created_by", "export_controlled", "made_here",
            "uses_allowed", "uses", "as_of", "gone_at",
        ]  # fmt: skip
        read_only_fields = fields
        extra_kwargs: dict[str, Any] = {
            "uses_allowed": {"help_text": "As somebody read it in CSSM. Null: no limit, or none is known."},
            "uses": {"help_text": "Registrations by the portal, and what somebody read in CSSM. The least it can be."},
        }


class NewTokenSerializer(Strict, serializers.Serializer[Any]):
    virtual_account = Link(VirtualAccount)
    description = serializers.CharField(max_length=500, allow_blank=True, default="")
    expires_after_days = serializers.IntegerField(min_value=1, max_value=tokens.MAX_DAYS, default=30)


class RecordedTokenSerializer(Strict, serializers.Serializer[Any]):
    virtual_account = Link(VirtualAccount)
    text = serializers.CharField(min_length=16, max_length=2000, write_only=True, help_text="As CSSM shows it.")
    description = serializers.CharField(max_length=500)
    expires_at = serializers.DateTimeField(allow_null=True, default=None)
    export_controlled = serializers.BooleanField(default=False)
    uses_allowed = serializers.IntegerField(
        min_value=1, max_value=tokens.MAX_USES, allow_null=True, default=None, help_text="Null: no limit."
    )


class TokenUsesSerializer(Strict, serializers.Serializer[Any]):
    uses_allowed = serializers.IntegerField(
        min_value=1, max_value=tokens.MAX_USES, allow_null=True, required=False, help_text="Null: no limit."
    )
    uses = serializers.IntegerField(min_value=0, max_value=tokens.MAX_USES, required=False)


class MadeTokenSerializer(RegistrationTokenSerializer):
    token = serializers.CharField(help_text="The text, shown this once.")

    class Meta(RegistrationTokenSerializer.Meta):
        fields = [*RegistrationTokenSerializer.Meta.fields, "token"]
        read_only_fields = fields


class RegistrationTokenFilters(django_filters.FilterSet):
    virtual_account = LinkFilter()
    smart_account = LinkFilter(field_name="virtual_account__smart_account")
    export_controlled = YesNoFilter()
    made_here = YesNoFilter()
    gone = GoneFilter()


class RegistrationTokens(ReadOnlyModelViewSet[RegistrationToken]):
    queryset = RegistrationToken.objects.select_related("virtual_account__smart_account")
    serializer_class = RegistrationTokenSerializer
    filterset_class = RegistrationTokenFilters
    write_need = Need.OPERATE
    waits_in = ("create", "revoke")

    @extend_schema(request=NewTokenSerializer, responses={201: MadeTokenSerializer})
    def create(self, request: Request) -> Response:
        """Make a token at Cisco, and wait for it. Its text is in this answer and nowhere else."""
        new = NewTokenSerializer(data=request.data)
        new.is_valid(raise_exception=True)
        made, text = tokens.create(audit.actor_of(request), **new.validated_data)
        answer = {**self.get_serializer(made).data, "token": text}
        return Response(answer, status=status.HTTP_201_CREATED, headers={"Cache-Control": "no-store"})

    @extend_schema(request=RecordedTokenSerializer, responses={201: RegistrationTokenSerializer})
    @action(detail=False, methods=["post"])
    def record(self, request: Request) -> Response:
        """Write down a token that somebody made in CSSM: those with export control can only be made there."""
        new = RecordedTokenSerializer(data=request.data)
        new.is_valid(raise_exception=True)
        recorded = tokens.record_by_hand(audit.actor_of(request), **new.validated_data)
        return Response(self.get_serializer(recorded).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=TokenUsesSerializer, responses={200: RegistrationTokenSerializer})
    def partial_update(self, request: Request, pk: int) -> Response:
        """Enter what CSSM's list of tokens says of its uses, which Cisco's interface does not tell."""
        sent = TokenUsesSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        token = self.get_object()
        tokens.set_uses(audit.actor_of(request), token, **sent.validated_data)
        return Response(self.get_serializer(token).data)

    @extend_schema(request=None, responses={200: RegistrationTokenSerializer})
    @action(detail=True, methods=["post"])
    def revoke(self, request: Request, pk: int) -> Response:
        """Revoke it at Cisco, and wait for it. What has registered with it stays registered."""
        refuse_body(request)
        token = self.get_object()
        tokens.revoke(audit.actor_of(request), token)
        token.refresh_from_db()
        return Response(self.get_serializer(token).data)
