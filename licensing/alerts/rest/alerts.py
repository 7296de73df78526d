"""Alerts and their rules."""

from collections.abc import Callable
from typing import Any

import django_filters
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ModelViewSet, ReadOnlyModelViewSet

from kit.rest.fields import Link, Strict, refuse_body
from kit.rest.filters import LinkFilter, YesNoFilter, check_known
from kit.rest.paging import PastCursor
from licensing.alerts import handling, rules
from licensing.alerts.filters import AlertsPast
from licensing.alerts.handling import COMMENT_LENGTH
from licensing.alerts.models import Alert, AlertEvent, AlertRule, Kind, Severity
from licensing.alerts.replay.replay import LONGEST, would_have_fired
from people import audit
from people.audit import Actor
from people.gate import Need
from people.models import User


def days_field(help_text: str) -> serializers.ListField:
    """A number of days each; how many and how far the verb says."""
    return serializers.ListField(
        child=serializers.IntegerField(min_value=0, max_value=3650), required=False, help_text=help_text, max_length=12
    )


ALERT_FIELDS = ("id", "rule", "kind", "severity", "state")
CONTENT_FIELDS = ("subject", "subject_type", "subject_id", "summary", "next_step", "figures")
DATE_FIELDS = ("opened_at", "reopened_at", "closed_at", "due_at", "lead")
HANDLING_FIELDS = ("acknowledged_at", "snoozed_until", "owner")
PLACE_FIELDS = ("smart_account", "virtual_account", "cluster", "license_name")


class AlertSerializer(serializers.ModelSerializer[Alert]):
    state = serializers.ChoiceField(["open", "closed"], read_only=True)
    subject = serializers.CharField(read_only=True, help_text="What the alert is about.")
    summary = serializers.CharField(read_only=True, help_text="What is wrong, and why, with the figures.")
    next_step = serializers.CharField(read_only=True, help_text="What to do.")
    figures = serializers.DictField(read_only=True, help_text="The figures behind it, by their codes.")
    lead = serializers.IntegerField(
        read_only=True, allow_null=True, help_text="The lead time that was reached, in days."
    )

    class Meta:
        model = Alert
        fields = [*ALERT_FIELDS, *CONTENT_FIELDS, *DATE_FIELDS, *HANDLING_FIELDS, *PLACE_FIELDS]
        read_only_fields = fields


class AlertEventSerializer(serializers.ModelSerializer[AlertEvent]):
    text = serializers.CharField(
        read_only=True, help_text="What the alert said then, what was done to it, or a person's comment."
    )

    class Meta:
        model = AlertEvent
        fields = ["kind", "at", "by", "text", "severity"]
        read_only_fields = fields


class OwnSerializer(Strict, serializers.Serializer[Any]):
    owner = Link(User, allow_null=True, help_text="Null: nobody.")


class SnoozeSerializer(Strict, serializers.Serializer[Any]):
    until = serializers.DateTimeField(allow_null=True, help_text="Within the next 90 days. Null: speak of it again.")


class CommentSerializer(Strict, serializers.Serializer[Any]):
    text = serializers.CharField(max_length=COMMENT_LENGTH)


class AlertFilters(AlertsPast):
    state = django_filters.ChoiceFilter(choices=[("open", "Open"), ("closed", "Closed")], method="filter_state")
    kind = django_filters.ChoiceFilter(choices=Kind.choices)
    severity = django_filters.ChoiceFilter(choices=Severity.choices)
    rule = LinkFilter()
    owner = LinkFilter()
    smart_account = LinkFilter()
    virtual_account = LinkFilter()
    cluster = LinkFilter()
    subject_type = django_filters.ChoiceFilter(choices=[(name, name) for name in Alert.SUBJECTS])
    subject_id = LinkFilter()

    def filter_state(self, queryset: Any, name: str, value: str) -> Any:
        return queryset.filter(closed_at__isnull=value == "open")


class Alerts(ReadOnlyModelViewSet[Alert]):
    """What the portal found. With `as_of`: what was open on that day, as it was worded at its last event until then."""

    queryset = Alert.objects.all()
    serializer_class = AlertSerializer
    filterset_class = AlertFilters
    pagination_class = PastCursor
    write_need = Need.OPERATE

    @extend_schema(request=None, responses=AlertSerializer)
    @action(detail=True, methods=["post"])
    def acknowledge(self, request: Request, pk: int) -> Response:
        """Say that somebody has seen it. Whoever is first becomes its owner; a second time changes nothing."""
        refuse_body(request)
        return self._done(handling.acknowledge)

    @extend_schema(request=OwnSerializer, responses=AlertSerializer)
    @action(detail=True, methods=["post"])
    def own(self, request: Request, pk: int) -> Response:
        """Make somebody its owner who may act on it."""
        sent = self._sent(OwnSerializer)
        return self._done(lambda actor, alert: handling.own(actor, alert, sent["owner"]))

    @extend_schema(request=SnoozeSerializer, responses=AlertSerializer)
    @action(detail=True, methods=["post"])
    def snooze(self, request: Request, pk: int) -> Response:
        """Say nothing of it until then. It stays open, and closes by itself when all is well."""
        sent = self._sent(SnoozeSerializer)
        return self._done(lambda actor, alert: handling.snooze(actor, alert, sent["until"]))

    @extend_schema(request=CommentSerializer, responses=AlertSerializer)
    @action(detail=True, methods=["post"])
    def comment(self, request: Request, pk: int) -> Response:
        """Add to its history what others should know."""
        sent = self._sent(CommentSerializer)
        return self._done(lambda actor, alert: handling.comment(actor, alert, sent["text"]))

    @extend_schema(responses=AlertEventSerializer(many=True), filters=False)
    @action(detail=True, methods=["get"], pagination_class=None, filterset_class=None)
    def events(self, request: Request, pk: int) -> Response:
        """Its history, the newest 1000 changes, oldest first."""
        newest = list(self.get_object().events.order_by("-at", "-pk")[:1000])
        return Response(AlertEventSerializer(newest[::-1], many=True).data)

    def _sent(self, serializer_class: type[serializers.Serializer[Any]]) -> dict[str, Any]:
        serializer = serializer_class(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        sent: dict[str, Any] = serializer.validated_data
        return sent

    def _done(self, act: Callable[[Actor, Alert], None]) -> Response:
        alert = self.get_object()
        act(audit.actor_of(self.request), alert)
        return Response(AlertSerializer(alert).data)


RULE_FIELDS = ("id", "name", "kind", "enabled")
LIMIT_FIELDS = ("threshold", "unit", "lead_days", "rise_at_days")
REACTION_FIELDS = ("severity", "escalate_after_hours", "owner")


class AlertRuleSerializer(Strict, serializers.ModelSerializer[AlertRule]):
    """Set a rule. Where a kind has lead times, `threshold` is the longest: send either, and the other follows."""

    name = serializers.CharField(max_length=120, required=False, allow_blank=True, help_text="Empty: that of its kind.")
    owner = Link(User, required=False, allow_null=True)
    lead_days = days_field("Days before the due date at which it speaks.")
    rise_at_days = days_field("Days before the due date at which severity rises one step each.")

    class Meta:
        model = AlertRule
        fields = [*RULE_FIELDS, *LIMIT_FIELDS, *REACTION_FIELDS, *AlertRule.SCOPES]


class AlertRuleFilters(django_filters.FilterSet):
    kind = django_filters.ChoiceFilter(choices=Kind.choices)
    severity = django_filters.ChoiceFilter(choices=Severity.choices)
    enabled = YesNoFilter()


class FiringSerializer(serializers.Serializer[Any]):
    subject = serializers.CharField()
    opened_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)
    seconds = serializers.FloatField(help_text="How long it would have been open.")


class DaysSerializer(serializers.Serializer[Any]):
    days = serializers.IntegerField(min_value=1, max_value=LONGEST, default=90)


class ReplaySerializer(serializers.Serializer[Any]):
    covered = serializers.ChoiceField(["whole", "partly", "none"], help_text="How much of the history is kept.")
    why = serializers.CharField(help_text="What is not kept, and what that means for the answer.")
    since = serializers.DateTimeField()
    total = serializers.IntegerField()
    firings = FiringSerializer(many=True, help_text="The newest 200.")


class AlertRules(ModelViewSet[AlertRule]):
    queryset = AlertRule.objects.all()
    serializer_class = AlertRuleSerializer
    filterset_class = AlertRuleFilters
    write_need = Need.OWN
    http_method_names = ["get", "head", "post", "patch", "delete"]

    def perform_create(self, serializer: Any) -> None:
        new = AlertRule(**serializer.validated_data)
        serializer.instance = rules.save(audit.actor_of(self.request), new)

    def perform_update(self, serializer: Any) -> None:
        rule = serializer.instance
        before = audit.snapshot(rule)
        for name, value in serializer.validated_data.items():
            setattr(rule, name, value)
        rules.save(audit.actor_of(self.request), rule, before)

    def perform_destroy(self, instance: AlertRule) -> None:
        rules.delete(audit.actor_of(self.request), instance)

    @extend_schema(
        responses=ReplaySerializer,
        parameters=[OpenApiParameter("days", int, description="How far back, 1 to 730; default 90.")],
        filters=False,
    )
    @action(detail=True, methods=["get"], url_path="would-have-fired", pagination_class=None, filterset_class=None)
    def would_have_fired(self, request: Request, pk: int) -> Response:
        """Replay the rule, on or off, over the stored history."""
        # Not get_object: it would take `days` for a filter.
        check_known(request, {"days"})
        asked = DaysSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        found = would_have_fired(get_object_or_404(AlertRule, pk=pk), asked.validated_data["days"])
        return Response(ReplaySerializer(found).data)
