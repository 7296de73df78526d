"""Serve license servers and smart accounts in REST."""

from typing import Any
from urllib.parse import urlsplit

import django_filters
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ModelViewSet

from kit.rest.fields import Link, SecretText, Strict, refuse_body
from kit.rest.filters import LinkFilter, YesNoFilter
from licensing.accounts import clients, servers, smart_accounts
from licensing.accounts.models import WEB_ADDRESS, LicenseServer, SmartAccount
from licensing.assignments import pool_settings
from licensing.fleet import on_prem, transport
from licensing.fleet.transport import WarningKind
from licensing.mirror.purposes import Suggestion
from licensing.operations import lifecycle, removal
from people import audit
from people.gate import Need


class ServerWarningSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField([(kind.value, kind.value) for kind in WarningKind])
    message = serializers.CharField()
    next_step = serializers.CharField()


CHECK_FIELDS = ("check_status", "check_message", "check_next_step", "checked_at")


class LicenseServerSerializer(Strict, serializers.ModelSerializer[LicenseServer]):
    token_url = serializers.CharField(
        max_length=500,
        required=False,
        allow_blank=True,
        validators=[WEB_ADDRESS],
        help_text="If omitted for an On-Prem server, the portal derives it from the host.",
    )
    client_secret = SecretText()
    product_instances = serializers.IntegerField(
        source="present_instances",
        read_only=True,
        help_text="Present product instances of its mirrored smart accounts.",
    )
    warnings = serializers.SerializerMethodField(help_text="Present and coming problems of an On-Prem server.")

    class Meta:
        model = LicenseServer
        fields = [
            "id",
            *LicenseServer.OWN,
            "client_secret",
            "check_status",
            "check_message",
            "check_next_step",
            "checked_at",
            "visible_accounts",
            "certificate_not_after",
            "product_instances",
            "warnings",
        ]
        read_only_fields = [*CHECK_FIELDS, "visible_accounts", "certificate_not_after"]
        extra_kwargs: dict[str, Any] = {"name": {"validators": []}}  # the verb checks it

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Derive the token URL from the host if none is given. People can set another one (docs/domain.md#F23)."""
        stored: LicenseServer | None = self.instance  # type: ignore[assignment]
        if attrs.get("token_url") or (stored and "token_url" not in attrs):
            return attrs
        kind = attrs.get("kind", stored.kind if stored else LicenseServer.Kind.CLOUD)
        host = urlsplit(attrs.get("api_base_url", stored.api_base_url if stored else "")).hostname
        if kind != LicenseServer.Kind.ON_PREM or not host:
            raise serializers.ValidationError({"token_url": ["This field is required."]})
        return {**attrs, "token_url": transport.token_url(host)}

    @extend_schema_field(ServerWarningSerializer(many=True))
    def get_warnings(self, server: LicenseServer) -> Any:
        return ServerWarningSerializer(on_prem.warnings_of(server), many=True).data


class LicenseServerFilters(django_filters.FilterSet):
    name = django_filters.CharFilter()
    kind = django_filters.ChoiceFilter(choices=LicenseServer.Kind.choices)
    check_status = django_filters.ChoiceFilter(choices=[row for row in LicenseServer.Check.choices if row[0]])


class LicenseServers(ModelViewSet[LicenseServer]):
    queryset = on_prem.with_counts(LicenseServer.objects.all())
    serializer_class = LicenseServerSerializer
    filterset_class = LicenseServerFilters
    write_need = Need.OWN
    waits_in = ("check",)

    def perform_create(self, serializer: Any) -> None:
        new = LicenseServer(**serializer.validated_data)
        servers.save_server(audit.actor_of(self.request), new)
        serializer.instance = self.get_queryset().get(pk=new.pk)

    def perform_update(self, serializer: Any) -> None:
        before = audit.snapshot(serializer.instance)
        _set(serializer.instance, serializer.validated_data)
        servers.save_server(audit.actor_of(self.request), serializer.instance, before)
        serializer.instance = self.get_queryset().get(pk=serializer.instance.pk)

    def perform_destroy(self, instance: LicenseServer) -> None:
        removal.delete_server(audit.actor_of(self.request), instance)

    @extend_schema(request=None, responses={202: LicenseServerSerializer})
    @action(detail=True, methods=["post"])
    def check(self, request: Request, pk: int) -> Response:
        """Test the connection. `check_status`, `check_message` and `visible_accounts` then hold the result."""
        refuse_body(request)
        server = self.get_object()
        clients.start_check(server)
        return Response(self.get_serializer(server).data, status=status.HTTP_202_ACCEPTED)


class SmartAccountSerializer(Strict, serializers.ModelSerializer[SmartAccount]):
    license_server = Link(LicenseServer)
    client_secret = SecretText()

    class Meta:
        model = SmartAccount
        fields = [
            "id",
            "license_server",
            "domain",
            "client_id",
            "client_secret",
            *SmartAccount.OWN,
            "paused_at",
            "last_synced_at",
        ]
        read_only_fields = ["paused_at", "last_synced_at"]
        validators: list[Any] = []  # the verb checks it


class PurposeSuggestionSerializer(serializers.Serializer[Any]):
    virtual_account = serializers.IntegerField()
    name = serializers.CharField()
    purpose = serializers.ChoiceField(choices=["ordered", "operational"])
    sure = serializers.BooleanField(help_text="False: a near miss.")
    text = serializers.CharField()


class SmartAccountFilters(django_filters.FilterSet):
    license_server = LinkFilter()
    domain = django_filters.CharFilter(lookup_expr="iexact")
    paused = YesNoFilter(field_name="paused_at", lookup_expr="isnull", exclude=True)


class SmartAccounts(ModelViewSet[SmartAccount]):
    queryset = SmartAccount.objects.all()
    serializer_class = SmartAccountSerializer
    filterset_class = SmartAccountFilters
    write_need = Need.OWN
    waits_in = ("sync",)

    def perform_create(self, serializer: Any) -> None:
        values = dict(serializer.validated_data)
        server, domain = values.pop("license_server"), values.pop("domain")
        serializer.instance = smart_accounts.add_smart_account(audit.actor_of(self.request), server, domain, **values)

    def perform_update(self, serializer: Any) -> None:
        before = audit.snapshot(serializer.instance)
        _set(serializer.instance, serializer.validated_data)
        smart_accounts.save_smart_account(audit.actor_of(self.request), serializer.instance, before)

    def perform_destroy(self, instance: SmartAccount) -> None:
        lifecycle.remove(audit.actor_of(self.request), instance)

    @extend_schema(responses=PurposeSuggestionSerializer(many=True), filters=False)
    @action(detail=True, methods=["get"], url_path="purpose-suggestions", pagination_class=None, filter_backends=[])
    def purpose_suggestions(self, request: Request, pk: int) -> Response:
        """List the virtual accounts whose names look like the ordered or the operational pool."""
        balance = {pool.name: pool for pool in self.get_object().virtual_accounts.present()}
        suggested = pool_settings.purpose_suggestions(balance.values())
        return Response([{"virtual_account": balance[one.name].pk, **_suggestion(one)} for one in suggested])

    @extend_schema(request=None, responses=SmartAccountSerializer)
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, pk: int) -> Response:
        """Pause the account: no syncs and no alerts until it is resumed."""
        refuse_body(request)
        account = self.get_object()
        lifecycle.pause(audit.actor_of(request), account)
        return Response(self.get_serializer(account).data)

    @extend_schema(request=None, responses=SmartAccountSerializer)
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, pk: int) -> Response:
        """Resume the account. The first sync starts at once."""
        refuse_body(request)
        account = self.get_object()
        lifecycle.resume(audit.actor_of(request), account)
        return Response(self.get_serializer(account).data)


def _suggestion(one: Suggestion) -> dict[str, Any]:
    return {"name": one.name, "purpose": one.purpose, "sure": one.sure, "text": one.text}


def _set(row: LicenseServer | SmartAccount, values: dict[str, Any]) -> None:
    """Set the values of a row. An empty secret keeps the stored one, unless the client ID is removed too."""
    for name, value in values.items():
        if name != "client_secret" or value:
            setattr(row, name, value)
    if not row.client_id:
        row.client_secret = ""
