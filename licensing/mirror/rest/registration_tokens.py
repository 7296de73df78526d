"""Serve registration tokens in REST."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from kit.rest.fields import AsOf, Link, Strict, refuse_body
from kit.rest.filters import GoneFilter, LinkFilter, YesNoFilter
from kit.rest.paging import PastCursor
from licensing.mirror import tokens
from licensing.mirror.filters import RegistrationTokensPast
from licensing.mirror.models import (
    RegistrationToken,
    VirtualAccount,
)
from licensing.mirror.rest.requests import NO_STORE, PREFER, CiscoRequestSerializer, answer_accepted, wait_for_worker
from licensing.operations import requests
from people import audit
from people.gate import Need, signed_in

TOKEN_FIELDS = ("id", "virtual_account", "description", "expires_at", "created_by", "export_controlled")
USE_FIELDS = ("made_here", "uses_allowed", "uses")


class RegistrationTokenSerializer(serializers.ModelSerializer[RegistrationToken]):
    as_of = AsOf()

    class Meta:
        model = RegistrationToken
        fields = [*TOKEN_FIELDS, *USE_FIELDS, "as_of", "gone_at"]
        read_only_fields = fields
        extra_kwargs: dict[str, Any] = {
            "uses_allowed": {"help_text": "The number read in CSSM. Null: no limit, or the limit is not known."},
            "uses": {
                "allow_null": True,
                "help_text": "Registrations by the portal plus the number read in CSSM. A minimum. Null with `as_of`.",
            },
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


class RegistrationTokenFilters(RegistrationTokensPast):
    virtual_account = LinkFilter()
    smart_account = LinkFilter(field_name="virtual_account__smart_account")
    export_controlled = YesNoFilter()
    made_here = YesNoFilter()
    gone = GoneFilter()


class RegistrationTokens(ReadOnlyModelViewSet[RegistrationToken]):
    queryset = RegistrationToken.objects.select_related("virtual_account__smart_account")
    serializer_class = RegistrationTokenSerializer
    filterset_class = RegistrationTokenFilters
    pagination_class = PastCursor
    write_need = Need.OPERATE
    waits_in = ("create", "revoke")

    @extend_schema(
        request=NewTokenSerializer,
        parameters=[PREFER],
        responses={201: MadeTokenSerializer, 202: CiscoRequestSerializer},
    )
    def create(self, request: Request) -> Response:
        """Make a token at Cisco. A worker does it, and this call waits a few seconds for the worker.

        201: the token, with its text. 202: it is not made yet; the request at `url` then shows the text, once.
        """
        new = NewTokenSerializer(data=request.data)
        new.is_valid(raise_exception=True)
        started = requests.start(signed_in(request), requests.CREATE_TOKEN, **new.validated_data)
        asked = wait_for_worker(request, started)
        if asked.waits:
            return answer_accepted(request, asked)
        made = self.get_queryset().get(pk=asked.row_id)
        answer = {**self.get_serializer(made).data, "token": requests.reveal_once(asked)}
        return Response(answer, status=status.HTTP_201_CREATED, headers=NO_STORE)

    @extend_schema(request=RecordedTokenSerializer, responses={201: RegistrationTokenSerializer})
    @action(detail=False, methods=["post"])
    def record(self, request: Request) -> Response:
        """Record a token that was made in CSSM. Tokens with export control can only be made there."""
        new = RecordedTokenSerializer(data=request.data)
        new.is_valid(raise_exception=True)
        recorded = tokens.record_by_hand(audit.actor_of(request), **new.validated_data)
        return Response(self.get_serializer(recorded).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=TokenUsesSerializer, responses={200: RegistrationTokenSerializer})
    def partial_update(self, request: Request, pk: int) -> Response:
        """Save the uses that CSSM's list of tokens shows, because Cisco's interface does not report them."""
        sent = TokenUsesSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        token = self.get_object()
        tokens.set_uses(audit.actor_of(request), token, **sent.validated_data)
        return Response(self.get_serializer(token).data)

    @extend_schema(
        request=None, parameters=[PREFER], responses={200: RegistrationTokenSerializer, 202: CiscoRequestSerializer}
    )
    @action(detail=True, methods=["post"])
    def revoke(self, request: Request, pk: int) -> Response:
        """Revoke it at Cisco. Products that have registered with it stay registered.

        200: it is revoked. 202: not yet; the request at `url` says when it is.
        """
        refuse_body(request)
        token = self.get_object()
        started = requests.start(signed_in(request), requests.REVOKE_TOKEN, token=token)
        asked = wait_for_worker(request, started)
        if asked.waits:
            return answer_accepted(request, asked)
        token.refresh_from_db()
        return Response(self.get_serializer(token).data)
