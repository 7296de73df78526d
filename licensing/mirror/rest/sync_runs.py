"""Serve sync runs in REST, and start syncs."""

from typing import Any

import django_filters
from django.shortcuts import get_object_or_404
from django.urls import path
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet, ReadOnlyModelViewSet

from kit.rest.fields import refuse_body
from kit.rest.filters import LinkFilter
from licensing.accounts.models import SmartAccount
from licensing.mirror.models import SyncRun
from licensing.operations import lost_workers, syncing
from people import audit
from people.gate import Need

PROGRESS = {
    "type": "object",
    "description": "The current step, rows done, and the total where it is known. Empty before the run begins.",
    "properties": {
        "step": {"type": "string"},
        "done": {"type": "integer"},
        "total": {"type": "integer", "nullable": True},
    },
}


@extend_schema_field(PROGRESS)
class ProgressField(serializers.JSONField):
    pass


class CountsSerializer(serializers.Serializer[SyncRun]):
    created = serializers.IntegerField()
    changed = serializers.IntegerField()
    gone = serializers.IntegerField()
    back = serializers.IntegerField()
    unchanged = serializers.IntegerField()


RUN_FIELDS = ("id", "smart_account", "status", "requested_by")
TIMESTAMP_FIELDS = ("queued_at", "started_at", "finished_at")
OUTCOME_FIELDS = ("progress", "counts", "remark", "reason", "cause", "next_step")


class SyncRunSerializer(serializers.ModelSerializer[SyncRun]):
    counts = CountsSerializer(source="*", read_only=True)
    progress = ProgressField(read_only=True)

    class Meta:
        model = SyncRun
        fields = [*RUN_FIELDS, *TIMESTAMP_FIELDS, *OUTCOME_FIELDS]
        read_only_fields = fields


class SyncRunFilters(django_filters.FilterSet):
    smart_account = LinkFilter()
    status = django_filters.ChoiceFilter(choices=SyncRun.Status.choices)


class SyncRuns(ReadOnlyModelViewSet[SyncRun]):
    queryset = SyncRun.objects.all()
    serializer_class = SyncRunSerializer
    filterset_class = SyncRunFilters

    def get_object(self) -> SyncRun:
        run = super().get_object()
        if lost_workers.fail_lost_among([run]):
            run.refresh_from_db()
        return run

    def paginate_queryset(self, queryset: Any) -> Any:
        rows = super().paginate_queryset(queryset)
        return super().paginate_queryset(queryset.all()) if lost_workers.fail_lost_among(rows or ()) else rows


class AccountSyncs(GenericViewSet[Any]):
    serializer_class = SyncRunSerializer
    queryset = SmartAccount.objects.select_related("license_server")
    write_need = Need.OPERATE
    waits_in = ("sync",)
    pagination_class = None
    filter_backends = ()

    @extend_schema(request=None, responses={202: SyncRunSerializer})
    def sync(self, request: Request, pk: int) -> Response:
        """Start a sync. Returns the run that is already under way where there is one."""
        refuse_body(request)
        account = get_object_or_404(self.get_queryset(), pk=pk)
        run = syncing.start_sync(account, audit.actor_of(request).label)
        return Response(SyncRunSerializer(run).data, status=status.HTTP_202_ACCEPTED)


ROUTES = [path("smart-accounts/<int:pk>/sync/", AccountSyncs.as_view({"post": "sync"}))]
