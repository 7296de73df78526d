"""Alerts and their rules."""

from typing import Any

import django_filters
from django.db import transaction
from rest_framework import mixins, serializers

from licensing.api.base import Collection, StrictFilters
from licensing.models import Alert, AlertRule
from licensing.models.alerts import Kind, Severity
from people import audit
from people.gate import Need


class AlertSerializer(serializers.ModelSerializer[Alert]):
    state = serializers.ChoiceField(["open", "closed"], read_only=True)

    class Meta:
        model = Alert
        fields = [
            "id", "kind", "severity", "state", "subject", "subject_type", "subject_id", "summary", "next_step",
            "opened_at", "closed_at", "due_at", "acknowledged_at", "owner",
        ]  # fmt: skip


class AlertFilters(StrictFilters):
    state = django_filters.ChoiceFilter(choices=[("open", "Open"), ("closed", "Closed")], method="filter_state")
    kind = django_filters.ChoiceFilter(choices=Kind.choices)
    severity = django_filters.ChoiceFilter(choices=Severity.choices)

    def filter_state(self, queryset: Any, name: str, value: str) -> Any:
        return queryset.filter(closed_at__isnull=value == "open")


class Alerts(Collection):
    queryset = Alert.objects.order_by("id")
    serializer_class = AlertSerializer
    filterset_class = AlertFilters


class AlertRuleSerializer(serializers.ModelSerializer[AlertRule]):
    class Meta:
        model = AlertRule
        fields = ["id", "kind", "enabled", "threshold", "severity"]
        read_only_fields = ["kind"]


class AlertRules(Collection, mixins.UpdateModelMixin):
    queryset = AlertRule.objects.order_by("id")
    serializer_class = AlertRuleSerializer
    write_need = Need.OWN
    http_method_names = ["get", "head", "options", "patch"]

    @transaction.atomic
    def perform_update(self, serializer: Any) -> None:
        before = audit.snapshot(serializer.instance)
        audit.record(self.actor, "changed", serializer.save(), before=before)
