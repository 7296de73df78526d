"""Alerts and their rules."""

from typing import Any

import django_filters
from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from licensing import alerts
from licensing.api.fields import Strict
from licensing.api.filters import LinkFilter, YesNoFilter
from licensing.models import Alert, AlertRule
from licensing.models.alerts import Kind, Severity
from people import audit
from people.gate import Need


class AlertSerializer(serializers.ModelSerializer[Alert]):
    state = serializers.ChoiceField(["open", "closed"], read_only=True)

    class Meta:
        model = Alert
        fields = [
            "id", "rule", "kind", "severity", "state", "subject", "subject_type", "subject_id", "summary", "next_step",
            "opened_at", "closed_at", "due_at", "acknowledged_at", "owner",
        ]  # fmt: skip
        read_only_fields = fields


class AlertFilters(django_filters.FilterSet):
    state = django_filters.ChoiceFilter(choices=[("open", "Open"), ("closed", "Closed")], method="filter_state")
    kind = django_filters.ChoiceFilter(choices=Kind.choices)
    severity = django_filters.ChoiceFilter(choices=Severity.choices)
    rule = LinkFilter()
    owner = LinkFilter()
    subject_type = django_filters.ChoiceFilter(choices=[(name, name) for name in Alert.SUBJECTS])
    subject_id = LinkFilter()

    def filter_state(self, queryset: Any, name: str, value: str) -> Any:
        return queryset.filter(closed_at__isnull=value == "open")


class Alerts(ReadOnlyModelViewSet[Alert]):
    queryset = Alert.objects.all()
    serializer_class = AlertSerializer
    filterset_class = AlertFilters
    write_need = Need.OPERATE

    @extend_schema(request=None, responses=AlertSerializer)
    @action(detail=True, methods=["post"])
    def acknowledge(self, request: Request, pk: int) -> Response:
        """Say that somebody has seen it. Whoever is first becomes its owner; a second time changes nothing."""
        alert = self.get_object()
        alerts.acknowledge(audit.actor_of(request), alert)
        return Response(self.get_serializer(alert).data)


class AlertRuleSerializer(Strict, serializers.ModelSerializer[AlertRule]):
    class Meta:
        model = AlertRule
        fields = ["id", "kind", "enabled", "threshold", "severity"]
        read_only_fields = ["kind"]


class AlertRuleFilters(django_filters.FilterSet):
    kind = django_filters.ChoiceFilter(choices=Kind.choices)
    severity = django_filters.ChoiceFilter(choices=Severity.choices)
    enabled = YesNoFilter()


class AlertRules(mixins.UpdateModelMixin, ReadOnlyModelViewSet[AlertRule]):
    queryset = AlertRule.objects.all()
    serializer_class = AlertRuleSerializer
    filterset_class = AlertRuleFilters
    write_need = Need.OWN
    http_method_names = ["get", "head", "patch"]

    @transaction.atomic
    def perform_update(self, serializer: Any) -> None:
        before = audit.snapshot(serializer.instance)
        audit.record(audit.actor_of(self.request), "changed", serializer.save(), before=before)
