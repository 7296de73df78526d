"""Auto registration of a smart account: what it does or would do, and the switch."""

from typing import Any

from django.shortcuts import get_object_or_404
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from kit.rest.fields import Strict
from licensing.accounts.models import SmartAccount
from licensing.assignments import auto_registration
from licensing.assignments import auto_registration as verbs
from licensing.assignments.models import AutoRegistration
from people import audit
from people.gate import Need


class CandidateSerializer(serializers.Serializer[Any]):
    cluster = serializers.IntegerField(source="cluster.pk")
    eligible = serializers.BooleanField()
    why = serializers.CharField(allow_blank=True, help_text="Why it is left out.")
    restarts = serializers.CharField(allow_blank=True, help_text="The publisher that restarts.")
    leaves = serializers.IntegerField(source="leaves.pk", allow_null=True, default=None)


class OptionSerializer(Strict, serializers.ModelSerializer[AutoRegistration]):
    class Meta:
        model = AutoRegistration
        fields = ["on_upgrade", "may_restart"]


class StateSerializer(serializers.Serializer[Any]):
    enabled = serializers.BooleanField()
    on_upgrade = serializers.BooleanField(allow_null=True)
    may_restart = serializers.BooleanField(allow_null=True)
    enabled_at = serializers.DateTimeField(allow_null=True)
    ran_at = serializers.DateTimeField(allow_null=True)
    clusters = CandidateSerializer(many=True)


class AutoRegistrations(GenericViewSet[SmartAccount]):
    serializer_class = StateSerializer
    queryset = SmartAccount.objects.select_related("license_server", "auto_registration")
    write_need = Need.OWN
    pagination_class = None
    filter_backends = ()
    refuses_in = ("retrieve",)

    def retrieve(self, request: Request, pk: int) -> Response:
        """Switched on or as if it were; 409 where the account cannot have it."""
        return self._shown(pk)

    @extend_schema(request=OptionSerializer)
    def switch_on(self, request: Request, pk: int) -> Response:
        asked = OptionSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        wanted = {"on_upgrade": True, "may_restart": False, **asked.validated_data}
        account = get_object_or_404(self.get_queryset(), pk=pk)
        auto_registration.switch_on(audit.actor_of(request), account, **wanted)
        return self._shown(pk)

    @extend_schema(responses={204: None})
    def switch_off(self, request: Request, pk: int) -> Response:
        option = get_object_or_404(AutoRegistration.objects.select_related("smart_account"), smart_account=pk)
        auto_registration.switch_off(audit.actor_of(request), option)
        return Response(status=204)

    def _shown(self, pk: int) -> Response:
        account = get_object_or_404(self.get_queryset(), pk=pk)
        option: AutoRegistration | None = getattr(account, "auto_registration", None)
        names = ("on_upgrade", "may_restart", "enabled_at", "ran_at")
        state = {name: getattr(option, name, None) for name in names}
        clusters = verbs.candidates(account, option)
        return Response(self.get_serializer({"enabled": option is not None, **state, "clusters": clusters}).data)


ROUTES = [
    path(
        "smart-accounts/<int:pk>/auto-registration/",
        AutoRegistrations.as_view({"get": "retrieve", "put": "switch_on", "delete": "switch_off"}),
    ),
]
