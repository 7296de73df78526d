"""Sync runs."""

from typing import Any

import django_filters
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.viewsets import ReadOnlyModelViewSet

from licensing import tasks
from licensing.api.filters import LinkFilter
from licensing.models import SyncRun

PROGRESS = {
    "type": "object",
    "description": "What it is at: a sentence, rows done, and rows in all where that is known. Empty before it begins.",
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


class SyncRunSerializer(serializers.ModelSerializer[SyncRun]):
    counts = CountsSerializer(source="*", read_only=True)
    progress = ProgressField(read_only=True)

    class Meta:
        model = SyncRun
        fields = [
            "id", "smart_account", "status", "requested_by", "queued_at", "started_at", "finished_at", "progress",
            "counts", "remark", "reason", "cause", "next_step",
        ]  # fmt: skip
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
        if tasks.fail_lost_among([run]):
            run.refresh_from_db()
        return run

    def paginate_queryset(self, queryset: Any) -> Any:
        rows = super().paginate_queryset(queryset)
        return super().paginate_queryset(queryset.all()) if tasks.fail_lost_among(rows or ()) else rows
