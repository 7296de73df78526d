"""License servers and smart accounts."""

from typing import Any

import django_filters
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from licensing import accounts, tasks
from licensing.api.base import Collection, Link, StrictFilters, link_filter
from licensing.api.runs import SyncRunSerializer
from licensing.models import LicenseServer, SmartAccount
from people import audit
from people.gate import Need


class SecretText(serializers.CharField):
    """Write-only; left out or empty on a change, the stored one stays."""

    def __init__(self, **options: Any) -> None:
        super().__init__(write_only=True, required=False, allow_blank=True, max_length=2000, **options)


class LicenseServerSerializer(serializers.ModelSerializer[LicenseServer]):
    client_secret = SecretText()

    class Meta:
        model = LicenseServer
        fields = [
            "id", "name", "kind", "api_base_url", "token_url", "client_id", "client_secret", "version", "verify_tls",
            "check_status", "check_message", "checked_at",
        ]  # fmt: skip
        read_only_fields = ["check_status", "check_message", "checked_at"]


class LicenseServers(Collection, mixins.CreateModelMixin, mixins.UpdateModelMixin, mixins.DestroyModelMixin):
    queryset = LicenseServer.objects.order_by("id")
    serializer_class = LicenseServerSerializer
    write_need = Need.OWN

    def perform_create(self, serializer: Any) -> None:
        serializer.instance = accounts.save_server(self.actor, LicenseServer(**serializer.validated_data))

    def perform_update(self, serializer: Any) -> None:
        before = audit.snapshot(serializer.instance)
        _set(serializer.instance, serializer.validated_data)
        accounts.save_server(self.actor, serializer.instance, before)

    def perform_destroy(self, instance: LicenseServer) -> None:
        accounts.delete_server(self.actor, instance)


class SmartAccountSerializer(serializers.ModelSerializer[SmartAccount]):
    license_server = Link(LicenseServer)
    client_secret = SecretText()
    paused = serializers.SerializerMethodField()

    class Meta:
        model = SmartAccount
        fields = [
            "id", "license_server", "domain", "name", "client_id", "client_secret", "sync_every", "paused",
            "last_synced_at",
        ]  # fmt: skip
        read_only_fields = ["last_synced_at"]
        validators: list[Any] = []  # the verb says it better

    def get_paused(self, account: SmartAccount) -> bool:
        return account.paused_at is not None


class SmartAccountFilters(StrictFilters):
    license_server = link_filter("license_server")
    domain = django_filters.CharFilter(lookup_expr="iexact")


class SmartAccounts(Collection, mixins.CreateModelMixin, mixins.UpdateModelMixin, mixins.DestroyModelMixin):
    queryset = SmartAccount.objects.order_by("id")
    serializer_class = SmartAccountSerializer
    filterset_class = SmartAccountFilters
    write_need = Need.OWN

    def perform_create(self, serializer: Any) -> None:
        values = dict(serializer.validated_data)
        server, domain = values.pop("license_server"), values.pop("domain")
        serializer.instance = tasks.add_smart_account(self.actor, server, domain, **values)

    def perform_update(self, serializer: Any) -> None:
        before = audit.snapshot(serializer.instance)
        _set(serializer.instance, serializer.validated_data)
        tasks.save_smart_account(self.actor, serializer.instance, before)

    def perform_destroy(self, instance: SmartAccount) -> None:
        tasks.remove(self.actor, instance)

    @extend_schema(request=None, responses={202: SyncRunSerializer})
    @action(detail=True, methods=["post"], write_need=Need.OPERATE)
    def sync(self, request: Request, pk: str) -> Response:
        """Start a sync. Answers the run that is under way where there is one."""
        run = tasks.start_sync(self.get_object(), self.actor.label)
        return Response(SyncRunSerializer(run).data, status=status.HTTP_202_ACCEPTED)


def _set(row: Any, values: dict[str, Any]) -> None:
    for name, value in values.items():
        if name != "client_secret" or value:
            setattr(row, name, value)
