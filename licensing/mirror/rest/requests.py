"""What is done with a product instance at Cisco. A worker does it: the call answers an errand, which is then read."""

from typing import Any

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.viewsets import GenericViewSet

from kit.rest.fields import Link, Strict
from licensing.mirror.models import ProductInstance, VirtualAccount
from licensing.operations import request_tasks, requests
from licensing.operations.requests import Errand
from people.gate import Need, signed_in

STATES = ("waiting", "begun", "done", "failed")


class RemovalSerializer(Strict, serializers.Serializer[Any]):
    return_code = serializers.CharField(
        max_length=500, allow_blank=True, default="", help_text="Needed for an instance with reserved licenses."
    )


class ReplacementSerializer(RemovalSerializer):
    successor = Link(ProductInstance, help_text="Registered in its place, in the same smart account.")


class TransferSerializer(Strict, serializers.Serializer[Any]):
    virtual_account = Link(VirtualAccount)


class ErrandSerializer(serializers.Serializer[Any]):
    """Kept for 15 minutes, for who asked."""

    key = serializers.CharField()
    url = serializers.SerializerMethodField(help_text="Where to ask how it went.")
    what = serializers.CharField()
    state = serializers.ChoiceField([(state, state) for state in STATES])
    message = serializers.CharField(allow_blank=True, help_text="Why it failed.")
    next_step = serializers.CharField(allow_blank=True)
    row = serializers.IntegerField(source="row_id", help_text="Id of what was made; 0 where that is nothing.")

    def get_url(self, errand: Errand) -> str:
        return str(reverse("api-errand", args=[errand.key], request=self.context["request"]))


class Actions(GenericViewSet[ProductInstance]):
    queryset = ProductInstance.objects.select_related("virtual_account__smart_account")
    serializer_class = ErrandSerializer
    write_need = Need.OPERATE
    waits_in = ("remove", "replace", "transfer")
    pagination_class = None
    filter_backends = ()

    @extend_schema(request=RemovalSerializer, responses={202: ErrandSerializer})
    def remove(self, request: Request, pk: int) -> Response:
        """Remove it at Cisco, read back whether it is gone, and sync."""
        asked = RemovalSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        return self._begun(
            request_tasks.start_instance_removal(signed_in(request), self._found(pk), **asked.validated_data)
        )

    @extend_schema(request=ReplacementSerializer, responses={202: ErrandSerializer})
    def replace(self, request: Request, pk: int) -> Response:
        """Its device was replaced: hand its cluster and note over, remove it at Cisco, and sync."""
        asked = ReplacementSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        return self._begun(
            request_tasks.start_instance_replacement(signed_in(request), self._found(pk), **asked.validated_data)
        )

    @extend_schema(request=TransferSerializer, responses={202: ErrandSerializer})
    def transfer(self, request: Request, pk: int) -> Response:
        """Move it to another virtual account of its smart account, read back where it is, and sync."""
        asked = TransferSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        target = asked.validated_data["virtual_account"]
        return self._begun(request_tasks.start_instance_transfer(signed_in(request), self._found(pk), target))

    def _found(self, pk: int) -> ProductInstance:
        found: ProductInstance = get_object_or_404(self.get_queryset(), pk=pk)
        return found

    def _begun(self, key: str) -> Response:
        return Response(self.get_serializer(requests.find(key)).data, status=status.HTTP_202_ACCEPTED)


class Errands(GenericViewSet[Any]):
    serializer_class = ErrandSerializer
    queryset = ProductInstance.objects.none()
    pagination_class = None
    filter_backends = ()

    def retrieve(self, request: Request, key: str) -> Response:
        """How it went; for who asked alone."""
        errand = requests.find(key)
        if errand is None or errand.user_id != request.user.pk:
            raise Http404
        return Response(self.get_serializer(errand).data)


ROUTES = [
    path("product-instances/<int:pk>/remove/", Actions.as_view({"post": "remove"})),
    path("product-instances/<int:pk>/replace/", Actions.as_view({"post": "replace"})),
    path("product-instances/<int:pk>/transfer/", Actions.as_view({"post": "transfer"})),
    path("errands/<str:key>/", Errands.as_view({"get": "retrieve"}), name="api-errand"),
]
