"""Customers, clusters and assignments."""

from typing import Any

import django_filters
from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from licensing import assignment, fleet
from licensing.api.base import Collection, Link, StrictFilters, link_filter
from licensing.fleet import NodeSpec, ProxySpec
from licensing.models import Assignment, Cluster, Customer, LicenseServer, Node, Proxy, VirtualAccount
from people import audit
from people.gate import Need

PROXY_FIELDS = ("proxy_host", "proxy_port", "proxy_username", "proxy_password")


class WithProxy(serializers.ModelSerializer[Any]):
    """`proxy_*` of a customer or cluster; an empty `proxy_host` takes the proxy away."""

    proxy_host = serializers.CharField(max_length=253, allow_blank=True, required=False)
    proxy_port = serializers.IntegerField(min_value=1, max_value=65535, allow_null=True, required=False)
    proxy_username = serializers.CharField(max_length=200, allow_blank=True, required=False)
    proxy_password = serializers.CharField(max_length=500, allow_blank=True, required=False, write_only=True)

    def to_representation(self, instance: Any) -> dict[str, Any]:
        proxy = getattr(instance, "proxy", None)
        shown: dict[str, Any] = super().to_representation(instance)
        shown["proxy_host"] = proxy.host if proxy else ""
        shown["proxy_port"] = proxy.port if proxy else None
        shown["proxy_username"] = proxy.username if proxy else ""
        return shown

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        proxy = getattr(self.instance, "proxy", None)
        if attrs.get("proxy_host") and not attrs.get("proxy_port") and not proxy:
            raise serializers.ValidationError({"proxy_port": ["A proxy needs a port."]})
        return attrs


def save_proxy(actor: audit.Actor, owner: Customer | Cluster, values: dict[str, Any]) -> None:
    """`values`: the `proxy_*` that were sent; none sent, nothing changes."""
    if not values:
        return
    stored = Proxy.objects.filter(**{owner._meta.model_name or "": owner}).first()
    host = values.get("proxy_host", stored.host if stored else "")
    port = values.get("proxy_port") or (stored.port if stored else None)
    user = values.get("proxy_username", stored.username if stored else "")
    spec = ProxySpec(host, port, user, values.get("proxy_password")) if host and port else None
    fleet.set_proxy(actor, owner, spec)
    owner.refresh_from_db()


def take_proxy(values: dict[str, Any]) -> dict[str, Any]:
    return {name: values.pop(name) for name in PROXY_FIELDS if name in values}


class CustomerSerializer(WithProxy):
    class Meta:
        model = Customer
        fields = ["id", "name", "note", *PROXY_FIELDS]


class Customers(Collection, mixins.CreateModelMixin, mixins.UpdateModelMixin, mixins.DestroyModelMixin):
    queryset = Customer.objects.select_related("proxy").order_by("id")
    serializer_class = CustomerSerializer
    write_need = Need.OPERATE

    @transaction.atomic
    def perform_create(self, serializer: Any) -> None:
        values = dict(serializer.validated_data)
        proxy = take_proxy(values)
        serializer.instance = fleet.save_customer(self.actor, Customer(**values))
        save_proxy(self.actor, serializer.instance, proxy)

    @transaction.atomic
    def perform_update(self, serializer: Any) -> None:
        values, before = dict(serializer.validated_data), audit.snapshot(serializer.instance)
        proxy = take_proxy(values)
        for name, value in values.items():
            setattr(serializer.instance, name, value)
        fleet.save_customer(self.actor, serializer.instance, before)
        save_proxy(self.actor, serializer.instance, proxy)

    def perform_destroy(self, instance: Customer) -> None:
        fleet.delete_customer(self.actor, instance)


class NodeSerializer(serializers.ModelSerializer[Node]):
    role = serializers.ChoiceField(Node.Role.choices, default=Node.Role.SUBSCRIBER)

    class Meta:
        model = Node
        fields = ["host_name", "role"]


class ClusterSerializer(WithProxy):
    customer = Link(Customer)
    license_server = Link(LicenseServer, required=False, allow_null=True)
    nodes = NodeSerializer(many=True, required=False)

    class Meta:
        model = Cluster
        fields = [
            "id", "customer", "name", "application", "version", "deployment", "mixed_mode", "license_server", "nodes",
            *PROXY_FIELDS,
        ]  # fmt: skip
        validators: list[Any] = []  # the verb says it better


class ClusterFilters(StrictFilters):
    customer = link_filter("customer")
    license_server = link_filter("license_server")
    application = django_filters.ChoiceFilter(choices=Cluster.Application.choices)


class Clusters(Collection, mixins.CreateModelMixin, mixins.UpdateModelMixin, mixins.DestroyModelMixin):
    queryset = Cluster.objects.select_related("proxy").prefetch_related("nodes").order_by("id")
    serializer_class = ClusterSerializer
    filterset_class = ClusterFilters
    write_need = Need.OPERATE

    @transaction.atomic
    def perform_create(self, serializer: Any) -> None:
        values = dict(serializer.validated_data)
        proxy, nodes = take_proxy(values), _nodes(values)
        serializer.instance = fleet.save_cluster(self.actor, Cluster(**values), nodes or [])
        save_proxy(self.actor, serializer.instance, proxy)

    @transaction.atomic
    def perform_update(self, serializer: Any) -> None:
        values, before = dict(serializer.validated_data), audit.snapshot(serializer.instance)
        proxy, nodes = take_proxy(values), _nodes(values)
        for name, value in values.items():
            setattr(serializer.instance, name, value)
        fleet.save_cluster(self.actor, serializer.instance, nodes, before)
        save_proxy(self.actor, serializer.instance, proxy)
        serializer.instance = self.get_queryset().get(pk=serializer.instance.pk)

    def perform_destroy(self, instance: Cluster) -> None:
        fleet.delete_cluster(self.actor, instance)


class AssignmentSerializer(serializers.ModelSerializer[Assignment]):
    cluster = Link(Cluster)
    virtual_account = Link(VirtualAccount)

    class Meta:
        model = Assignment
        fields = ["id", "cluster", "virtual_account", "started_at", "started_by", "ended_at", "ended_by"]
        validators: list[Any] = []  # the verb says it better


class AssignmentFilters(StrictFilters):
    cluster = link_filter("cluster")
    virtual_account = link_filter("virtual_account")
    current = django_filters.BooleanFilter(field_name="ended_at", lookup_expr="isnull")


class Assignments(Collection, mixins.CreateModelMixin):
    queryset = Assignment.objects.order_by("id")
    serializer_class = AssignmentSerializer
    filterset_class = AssignmentFilters
    write_need = Need.OPERATE

    def perform_create(self, serializer: Any) -> None:
        values = serializer.validated_data
        serializer.instance = assignment.assign(self.actor, values["cluster"], values["virtual_account"])

    @extend_schema(request=None, responses=AssignmentSerializer)
    @action(detail=True, methods=["post"])
    def end(self, request: Request, pk: str) -> Response:
        """End an assignment; the cluster can then be assigned elsewhere."""
        ended = assignment.end(self.actor, self.get_object())
        return Response(AssignmentSerializer(ended).data, status=status.HTTP_200_OK)


def _nodes(values: dict[str, Any]) -> list[NodeSpec] | None:
    nodes = values.pop("nodes", None)
    return None if nodes is None else [NodeSpec(node["host_name"], node["role"]) for node in nodes]
