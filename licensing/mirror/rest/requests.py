"""Serve requests to Cisco in REST: how calls start them and wait, and which actions a product instance offers.

A worker carries them out. No call waits for Cisco; some wait a few seconds for the worker.
"""

from typing import Any

from django.conf import settings
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.viewsets import GenericViewSet

from kit.rest.fields import Link, Strict
from licensing.mirror.models import ProductInstance, VirtualAccount
from licensing.operations import requests
from licensing.operations.requests import STATES, Action, CiscoRequest
from people.gate import Need, may, signed_in
from people.models import ApiToken

RESPOND_ASYNC = "respond-async"
PREFER = OpenApiParameter(
    "Prefer",
    str,
    OpenApiParameter.HEADER,
    description=(
        "RFC 7240. `respond-async`: answer 202 with the request to Cisco at once. `wait=2`: wait at most 2 seconds, "
        "and never longer than the portal does without it."
    ),
)
NO_STORE = {"Cache-Control": "no-store"}


class RemovalSerializer(Strict, serializers.Serializer[Any]):
    return_code = serializers.CharField(
        max_length=500, allow_blank=True, default="", help_text="Needed for an instance with reserved licenses."
    )


class ReplacementSerializer(RemovalSerializer):
    successor = Link(ProductInstance, help_text="The device that replaced it, in the same smart account.")


class TransferSerializer(Strict, serializers.Serializer[Any]):
    virtual_account = Link(VirtualAccount)


class CiscoRequestSerializer(serializers.Serializer[Any]):
    """A request to Cisco, which a worker carries out. It is kept for 15 minutes, for the user who asked."""

    key = serializers.CharField()
    url = serializers.SerializerMethodField(help_text="Read it here until its state is `done` or `failed`.")
    what = serializers.CharField()
    state = serializers.ChoiceField([(state, state) for state in STATES])
    message = serializers.CharField(allow_blank=True, help_text="Why it failed.")
    next_step = serializers.CharField(allow_blank=True)
    row = serializers.IntegerField(source="row_id", help_text="Id of the row that was created; 0 where none was.")
    token = serializers.SerializerMethodField(
        help_text="Text of the new registration token: in the first answer at `url` that says `done`, else empty."
    )

    def get_url(self, asked: CiscoRequest) -> str:
        return str(reverse("api-errand", args=[asked.key], request=self.context["request"]))

    def get_token(self, asked: CiscoRequest) -> str:
        return str(self.context.get("token", ""))


def answer_accepted(request: Request, asked: CiscoRequest) -> Response:
    """Answer 202 with the request to Cisco, which the caller follows at its address."""
    shown = CiscoRequestSerializer(asked, context={"request": request}).data
    headers = {"Location": shown["url"], **NO_STORE}
    if RESPOND_ASYNC in _preferences(request):
        headers["Preference-Applied"] = RESPOND_ASYNC
    return Response(shown, status=status.HTTP_202_ACCEPTED, headers=headers)


def wait_for_worker(request: Request, asked: CiscoRequest) -> CiscoRequest:
    """Wait for the worker as long as the caller and the portal allow. Raises what stopped the request."""
    asked = requests.wait(asked, _seconds_to_wait(request))
    if asked.state == "failed":
        raise requests.error_of(asked) or APIException(f"{asked.message} {asked.next_step}")
    return asked


def _seconds_to_wait(request: Request) -> int:
    limit: int = settings.REQUEST_WAIT_SECONDS
    preferences = _preferences(request)
    wanted = preferences.get("wait", "0" if RESPOND_ASYNC in preferences else "")
    return min(int(wanted), limit) if wanted.isdecimal() and wanted.isascii() and len(wanted) < 9 else limit


def _preferences(request: Request) -> dict[str, str]:
    """Return the `Prefer` header (RFC 7240) as names and values; the parameters of a preference do not count."""
    parts = [part.partition(";")[0].partition("=") for part in request.headers.get("Prefer", "").split(",")]
    return {name.strip().lower(): value.strip().strip('"') for name, _, value in parts}


class Actions(GenericViewSet[ProductInstance]):
    queryset = ProductInstance.objects.select_related("virtual_account__smart_account")
    serializer_class = CiscoRequestSerializer
    write_need = Need.OPERATE
    waits_in = ("remove", "replace", "transfer")
    pagination_class = None
    filter_backends = ()

    @extend_schema(request=RemovalSerializer, responses={202: CiscoRequestSerializer})
    def remove(self, request: Request, pk: int) -> Response:
        """Remove it at Cisco, read back whether it is gone, and sync."""
        wanted = RemovalSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        return self._start(request, pk, requests.REMOVE_INSTANCE, **wanted.validated_data)

    @extend_schema(request=ReplacementSerializer, responses={202: CiscoRequestSerializer})
    def replace(self, request: Request, pk: int) -> Response:
        """Hand the cluster and note of a replaced device over to its successor, remove it at Cisco, and sync."""
        wanted = ReplacementSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        return self._start(request, pk, requests.REPLACE_INSTANCE, **wanted.validated_data)

    @extend_schema(request=TransferSerializer, responses={202: CiscoRequestSerializer})
    def transfer(self, request: Request, pk: int) -> Response:
        """Move it to another virtual account of its smart account, read back where it is, and sync."""
        wanted = TransferSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        return self._start(request, pk, requests.TRANSFER_INSTANCE, target=wanted.validated_data["virtual_account"])

    def _start(self, request: Request, pk: int, action: Action, **wanted: Any) -> Response:
        instance: ProductInstance = get_object_or_404(self.get_queryset(), pk=pk)
        return answer_accepted(request, requests.start(signed_in(request), action, instance=instance, **wanted))


class CiscoRequests(GenericViewSet[Any]):
    serializer_class = CiscoRequestSerializer
    queryset = ProductInstance.objects.none()
    pagination_class = None
    filter_backends = ()

    def retrieve(self, request: Request, key: str) -> Response:
        """Read what became of a request to Cisco. Only the user who asked can read it.

        The first answer that says `done` to a call that may write holds the text of a new registration token.
        """
        asked = requests.find(key)
        if asked is None or asked.user_id != request.user.pk:
            raise Http404
        token = request.auth if isinstance(request.auth, ApiToken) else None
        shows = request.method == "GET" and may(request.user, Need.OPERATE, token)
        context = {**self.get_serializer_context(), "token": requests.reveal_once(asked) if shows else ""}
        return Response(CiscoRequestSerializer(asked, context=context).data, headers=NO_STORE)


ROUTES = [
    path("product-instances/<int:pk>/remove/", Actions.as_view({"post": "remove"})),
    path("product-instances/<int:pk>/replace/", Actions.as_view({"post": "replace"})),
    path("product-instances/<int:pk>/transfer/", Actions.as_view({"post": "transfer"})),
    path("errands/<str:key>/", CiscoRequests.as_view({"get": "retrieve"}), name="api-errand"),
]
