"""Sync runs."""

import django_filters
from rest_framework import serializers

from licensing.api.base import Collection, StrictFilters, link_filter
from licensing.models import SyncRun


class SyncRunSerializer(serializers.ModelSerializer[SyncRun]):
    counts = serializers.DictField(child=serializers.IntegerField(), read_only=True)
    progress = serializers.JSONField(read_only=True)

    class Meta:
        model = SyncRun
        fields = [
            "id", "smart_account", "status", "requested_by", "queued_at", "started_at", "finished_at", "progress",
            "counts", "reason", "cause", "next_step",
        ]  # fmt: skip
        read_only_fields = fields


class SyncRunFilters(StrictFilters):
    smart_account = link_filter("smart_account")
    status = django_filters.ChoiceFilter(choices=SyncRun.Status.choices)


class SyncRuns(Collection):
    queryset = SyncRun.objects.order_by("id")
    serializer_class = SyncRunSerializer
    filterset_class = SyncRunFilters
