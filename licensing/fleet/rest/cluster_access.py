"""Serve the access to a cluster, and its run sheet, in REST."""

from typing import Any

from django.shortcuts import get_object_or_404
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from kit.rest.fields import SecretText, Strict, refuse_body
from licensing.fleet import paths
from licensing.fleet.access import manual, reach, run_sheets, settings
from licensing.fleet.models import Cluster, ClusterAccess
from people import audit
from people.gate import Need


class AccessSerializer(Strict, serializers.ModelSerializer[ClusterAccess]):
    """The access to a cluster. A cluster without one is reached by hand."""

    password = SecretText()
    url = serializers.CharField(max_length=500, allow_blank=True, required=False)

    class Meta:
        model = ClusterAccess
        read_only_fields = [
            "cluster",
            "check_status",
            "check_message",
            "check_next_step",
            "checked_at",
            "check_found",
        ]
        fields = [*ClusterAccess.OWN, "password", *read_only_fields]


class Accesses(GenericViewSet[Cluster]):
    """Read and set a cluster's access, with GET, PUT and PATCH. `check_*` hold the answer of the last test."""

    serializer_class = AccessSerializer
    queryset = Cluster.objects.select_related("access")
    write_need = Need.OPERATE
    waits_in = ("check",)
    pagination_class = None
    filter_backends = ()

    def retrieve(self, request: Request, pk: int) -> Response:
        return Response(self.get_serializer(self._access_to(self._cluster(pk))).data)

    def update(self, request: Request, pk: int) -> Response:
        return self._save(request, pk, partial=False)

    def partial_update(self, request: Request, pk: int) -> Response:
        return self._save(request, pk, partial=True)

    @extend_schema(request=None, responses={202: AccessSerializer})
    def check(self, request: Request, pk: int) -> Response:
        """Test the access. The answer appears in `check_status`, `check_message` and `check_found`."""
        refuse_body(request)
        row = get_object_or_404(ClusterAccess, cluster=pk)
        settings.start_check(row)
        return Response(self.get_serializer(row).data, status=status.HTTP_202_ACCEPTED)

    def _save(self, request: Request, pk: int, partial: bool) -> Response:
        cluster = self._cluster(pk)
        stored = self._access_to(cluster)
        serializer = self.get_serializer(stored, data=request.data, partial=partial)
        serializer.is_valid(raise_exception=True)
        kept = {name: getattr(stored, name) for name in ("method", "url", "username", "ca_certificate", "verify_tls")}
        values = {**(kept if partial else {"method": stored.method}), **serializer.validated_data}
        values["password"] = values.get("password") or None
        saved = settings.save(audit.actor_of(request), cluster, settings.AccessSpec(**values))
        return Response(self.get_serializer(saved).data)

    def _cluster(self, pk: int) -> Cluster:
        return get_object_or_404(self.get_queryset(), pk=pk)

    def _access_to(self, cluster: Cluster) -> ClusterAccess:
        return reach.access_of(cluster) or ClusterAccess(cluster=cluster)


class RunSheetSerializer(serializers.Serializer[Any]):
    """Steps in the commands of the cluster's application. `<token>` stands for a registration token's text."""

    license_mode_hcs = serializers.ListField(child=serializers.CharField())
    license_mode_enterprise = serializers.ListField(child=serializers.CharField())
    transport = serializers.ListField(child=serializers.CharField())
    register = serializers.ListField(child=serializers.CharField())
    deregister = serializers.ListField(child=serializers.CharField())


class RunSheets(GenericViewSet[Cluster]):
    serializer_class = RunSheetSerializer
    queryset = Cluster.objects.select_related("customer__proxy", "proxy", "license_server").prefetch_related("nodes")
    pagination_class = None
    filter_backends = ()

    def retrieve(self, request: Request, pk: int) -> Response:
        cluster = get_object_or_404(self.get_queryset(), pk=pk)
        sheet = manual.sheet_of(cluster)
        return Response(
            {
                "license_mode_hcs": run_sheets.mode(sheet, "hcs"),
                "license_mode_enterprise": run_sheets.mode(sheet, "enterprise"),
                "transport": run_sheets.transport(sheet, paths.transport_of(cluster)),
                "register": run_sheets.register(sheet),
                "deregister": run_sheets.deregister(sheet),
            }
        )


ROUTES = [
    path(
        "clusters/<int:pk>/access/",
        Accesses.as_view({"get": "retrieve", "put": "update", "patch": "partial_update"}),
    ),
    path("clusters/<int:pk>/access/check/", Accesses.as_view({"post": "check"})),
    path("clusters/<int:pk>/run-sheet/", RunSheets.as_view({"get": "retrieve"})),
]
