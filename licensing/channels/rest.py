"""Channels, and what was delivered through them."""

from typing import Any

import django_filters
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ModelViewSet, ReadOnlyModelViewSet

from kit.rest.fields import SecretText, Strict, refuse_body
from kit.rest.filters import LinkFilter, YesNoFilter
from licensing.channels import channels as verbs
from licensing.channels.models import Channel, Delivery, DeliveryAttempt
from people import audit
from people.gate import Need

TARGET_FIELDS = ("recipients", "unsubscribed", "url", "url_shown")
FILTER_FIELDS = ("min_severity", "kinds", *Channel.SCOPES, "tell_closed")
TIMING_FIELDS = ("digest_at", "storm_limit", "quiet_from", "quiet_until", "quiet_except_critical", "zone")
HEALTH_FIELDS = ("failures", "last_error", "last_sent_at", "dead_since")


class ChannelSerializer(Strict, serializers.ModelSerializer[Channel]):
    """`url` goes in and never comes out; `url_shown` is what may be seen of it."""

    url = SecretText()
    state = serializers.ChoiceField(["on", "dead", "off"], read_only=True)

    class Meta:
        model = Channel
        fields = [
            "id",
            "name",
            "kind",
            "enabled",
            "state",
            *TARGET_FIELDS,
            *FILTER_FIELDS,
            *TIMING_FIELDS,
            *HEALTH_FIELDS,
        ]
        read_only_fields = ["unsubscribed", "url_shown", *HEALTH_FIELDS]
        extra_kwargs: dict[str, Any] = {"name": {"validators": []}}  # the verb says it


class ChannelFilters(django_filters.FilterSet):
    name = django_filters.CharFilter()
    kind = django_filters.ChoiceFilter(choices=Channel.Kind.choices)
    enabled = YesNoFilter()


class DeliveryAttemptSerializer(serializers.ModelSerializer[DeliveryAttempt]):
    class Meta:
        model = DeliveryAttempt
        fields = ["started_at", "finished_at", "outcome", "answer"]
        read_only_fields = fields


ADDRESS_FIELDS = ("id", "uuid", "message", "channel", "kind", "recipient")
CONTENT_FIELDS = ("subject", "alert_count")
ATTEMPT_FIELDS = ("state", "created_at", "sent_at", "next_try_at", "attempts")


class DeliverySerializer(serializers.ModelSerializer[Delivery]):
    """`uuid` went out with each attempt; deliveries of one message to several recipients share `message`."""

    channel = serializers.PrimaryKeyRelatedField[Channel](read_only=True)
    attempts = DeliveryAttemptSerializer(many=True, read_only=True)

    class Meta:
        model = Delivery
        fields = [*ADDRESS_FIELDS, *CONTENT_FIELDS, *ATTEMPT_FIELDS]
        read_only_fields = fields


class DeliveryFilters(django_filters.FilterSet):
    channel = LinkFilter()
    state = django_filters.ChoiceFilter(choices=Delivery.State.choices)
    kind = django_filters.ChoiceFilter(choices=Delivery.Kind.choices)
    message = django_filters.UUIDFilter()
    alert = LinkFilter(method="filter_alert", help_text="What told of this alert.")

    def filter_alert(self, queryset: Any, name: str, value: int) -> Any:
        return queryset.about(value)


class Channels(ModelViewSet[Channel]):
    queryset = Channel.objects.all()
    serializer_class = ChannelSerializer
    filterset_class = ChannelFilters
    read_need = write_need = Need.OWN
    waits_in = ("test",)

    def perform_create(self, serializer: Any) -> None:
        serializer.instance = self._save(Channel(), dict(serializer.validated_data), None)

    def perform_update(self, serializer: Any) -> None:
        before = audit.snapshot(serializer.instance)
        self._save(serializer.instance, dict(serializer.validated_data), before)

    def perform_destroy(self, instance: Channel) -> None:
        verbs.delete_channel(audit.actor_of(self.request), instance)

    def _save(self, row: Channel, values: dict[str, Any], before: dict[str, Any] | None) -> Channel:
        """The secret of a new webhook is not in the answer: rotate-secret gives one."""
        url = values.pop("url", "") or ""
        for name, value in values.items():
            setattr(row, name, value)
        verbs.save_channel(audit.actor_of(self.request), row, before, url=url)
        return row

    @extend_schema(request=None, responses={202: DeliverySerializer(many=True)})
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def test(self, request: Request, pk: int) -> Response:
        """Send a test message now. What became of it: `GET /deliveries/?message=…` of the answer."""
        refuse_body(request)
        channel = self.get_object()
        message = verbs.test(audit.actor_of(request), channel)[0].message
        rows = channel.deliveries.filter(message=message).prefetch_related("attempts")
        return Response(DeliverySerializer(rows, many=True).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(
        request=None,
        responses=inline_serializer("SigningSecret", {"signing_secret": serializers.CharField()}),
    )
    @action(detail=True, methods=["post"], url_path="rotate-secret")
    def rotate_secret(self, request: Request, pk: int) -> Response:
        """Make a new signing secret of a webhook. This answer is the only place where it is shown."""
        refuse_body(request)
        return Response({"signing_secret": verbs.rotate_secret(audit.actor_of(request), self.get_object())})


class Deliveries(ReadOnlyModelViewSet[Delivery]):
    queryset = Delivery.objects.prefetch_related("attempts").defer("text", "html", "body")
    serializer_class = DeliverySerializer
    filterset_class = DeliveryFilters
    read_need = write_need = Need.OWN

    @extend_schema(request=None, responses=DeliverySerializer)
    @action(detail=True, methods=["post"], url_path="send-again")
    def send_again(self, request: Request, pk: int) -> Response:
        """Try once more what was given up, with the content and the `uuid` that it had."""
        refuse_body(request)
        delivery = self.get_object()
        verbs.send_again(audit.actor_of(request), delivery)
        return Response(self.get_serializer(delivery).data)
