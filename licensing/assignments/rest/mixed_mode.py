"""The gates of mixed mode in REST."""

from typing import Any

from django.shortcuts import get_object_or_404
from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from kit.rest.fields import Link, Strict
from licensing.assignments import mixed_mode
from licensing.fleet.models import Cluster
from licensing.mirror.models import VirtualAccount


class GateSerializer(serializers.Serializer[Any]):
    name = serializers.ChoiceField(list(mixed_mode.TITLES.items()))
    open = serializers.BooleanField()
    why = serializers.CharField()
    next_step = serializers.CharField(allow_blank=True)


class MixedModeSerializer(serializers.Serializer[Any]):
    unlocked = serializers.BooleanField()
    gates = GateSerializer(many=True, help_text="Empty for a cluster that is not in mixed mode.")


class MixedModeQuerySerializer(Strict, serializers.Serializer[Any]):
    virtual_account = Link(VirtualAccount)


class MixedMode(GenericViewSet[Cluster]):
    serializer_class = MixedModeSerializer
    queryset = Cluster.objects.all()
    pagination_class = None
    filter_backends = ()

    @extend_schema(parameters=[OpenApiParameter("virtual_account", int, required=True)])
    def retrieve(self, request: Request, pk: int) -> Response:
        """The gates before this cluster is assigned to `?virtual_account=`."""
        cluster = get_object_or_404(self.get_queryset(), pk=pk)
        asked = MixedModeQuerySerializer(data=_numbers(request))
        asked.is_valid(raise_exception=True)
        gates = mixed_mode.gates(cluster, asked.validated_data["virtual_account"])
        shown = GateSerializer(gates, many=True).data
        return Response({"unlocked": all(gate.open for gate in gates), "gates": shown})


def _numbers(request: Request) -> dict[str, Any]:
    """Parameters as a body would have them."""
    asked = {name: str(text) for name, text in request.query_params.items()}
    return {name: int(text) if text.isdecimal() and text.isascii() else text for name, text in asked.items()}


ROUTES = [path("clusters/<int:pk>/mixed-mode/", MixedMode.as_view({"get": "retrieve"}))]
