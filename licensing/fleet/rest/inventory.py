"""Serve customers and clusters in REST."""

from collections.abc import Mapping
from typing import Any

import django_filters
from django.db import transaction
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.viewsets import ModelViewSet

from kit.rest.fields import Link, Strict
from kit.rest.filters import LinkFilter, YesNoFilter
from licensing.accounts.models import LicenseServer
from licensing.assignments.clusters import status as cluster_status
from licensing.fleet import clusters, customers, paths, proxies
from licensing.fleet.clusters import NodeSpec
from licensing.fleet.models import Cluster, Customer, Node, Proxy
from licensing.fleet.proxies import ProxySpec
from licensing.fleet.transport import Mode, Rule
from licensing.operations import removal
from people import audit
from people.audit import Actor
from people.gate import Need

PROXY_FIELDS = ("proxy_host", "proxy_port", "proxy_username", "proxy_password")


class WithProxy(Strict, serializers.ModelSerializer[Any]):
    """The `proxy_*` fields of a customer or cluster. An empty `proxy_host`, or null, removes the proxy."""

    proxy_host = serializers.CharField(
        max_length=253,
        allow_blank=True,
        allow_null=True,
        required=False,
        validators=[proxies.HOST_NAME],
        source="proxy.host",
    )
    proxy_port = serializers.IntegerField(
        min_value=1, max_value=65535, allow_null=True, required=False, source="proxy.port"
    )
    proxy_username = serializers.CharField(
        max_length=200, allow_blank=True, allow_null=True, required=False, source="proxy.username"
    )
    proxy_password = serializers.CharField(
        max_length=500, allow_blank=True, allow_null=True, required=False, write_only=True, source="proxy.password"
    )

    def to_representation(self, instance: Any) -> dict[str, Any]:
        shown: dict[str, Any] = super().to_representation(instance)
        if shown["proxy_host"] is None:
            shown["proxy_host"] = shown["proxy_username"] = ""
        return shown

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        stored, sent = getattr(self.instance, "proxy", None), attrs.get("proxy", {})
        host = sent.get("host", stored.host if stored else "")
        port = sent.get("port", stored.port if stored else None)
        if host and not port:
            raise serializers.ValidationError({"proxy_port": ["A proxy needs a port."]})
        if not host and any(sent.values()):
            raise serializers.ValidationError({"proxy_host": ["A proxy needs a host."]})
        return attrs


def save_proxy(actor: Actor, owner: Customer | Cluster, sent: Mapping[str, Any] | None) -> None:
    """Save the proxy fields that were `sent`. An empty password keeps the stored one."""
    if not sent:
        return
    stored: Proxy | None = getattr(owner, "proxy", None)
    known = {"host": stored.host, "port": stored.port, "username": stored.username} if stored else {}
    values = {"host": "", "port": 0, "username": "", **known, **sent}
    values |= {"username": values["username"] or "", "password": values.get("password") or None}
    proxies.set_proxy(actor, owner, ProxySpec(**values) if values["host"] else None)


class CustomerSerializer(WithProxy):
    class Meta:
        model = Customer
        fields = ["id", *Customer.OWN, *PROXY_FIELDS]
        extra_kwargs: dict[str, Any] = {"name": {"validators": []}}  # the verb says it


class CustomerFilters(django_filters.FilterSet):
    name = django_filters.CharFilter()
    tag = django_filters.CharFilter(field_name="tags", method="by_tag", help_text="Those with exactly this tag.")

    def by_tag(self, rows: Any, name: str, value: str) -> Any:
        return rows.filter(tags__contains=[value.lower()])


class Customers(ModelViewSet[Customer]):
    """Customers of the partner. Deleting one leaves its subscriptions without a customer."""

    queryset = Customer.objects.select_related("proxy")
    serializer_class = CustomerSerializer
    filterset_class = CustomerFilters
    write_need = Need.OPERATE

    def perform_create(self, serializer: Any) -> None:
        self._save(serializer, Customer(), None)

    def perform_update(self, serializer: Any) -> None:
        self._save(serializer, serializer.instance, audit.snapshot(serializer.instance))

    @transaction.atomic
    def _save(self, serializer: Any, customer: Customer, before: dict[str, Any] | None) -> None:
        actor, values = audit.actor_of(self.request), dict(serializer.validated_data)
        proxy = values.pop("proxy", None)
        _set(customer, values)
        customers.save_customer(actor, customer, before)
        save_proxy(actor, customer, proxy)
        serializer.instance = self.get_queryset().get(pk=customer.pk)

    def perform_destroy(self, instance: Customer) -> None:
        removal.delete_customer(audit.actor_of(self.request), instance)


class NodeSerializer(Strict, serializers.ModelSerializer[Node]):
    """A node of a cluster. `serial` is shown where it is known."""

    host_name = serializers.CharField(max_length=253, validators=[proxies.HOST_NAME])
    role = serializers.ChoiceField(Node.Role.choices, default=Node.Role.SUBSCRIBER)
    serial = serializers.CharField(
        max_length=100,
        allow_blank=True,
        required=False,
        help_text="UDI serial number or UUID. Left out: the stored one stays.",
    )

    class Meta:
        model = Node
        fields = ["host_name", "role", "serial"]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Require the host name even in a PATCH, because nodes are replaced together."""
        if "host_name" not in attrs:
            raise serializers.ValidationError({"host_name": ["This field is required."]})
        return {"role": Node.Role.SUBSCRIBER, **attrs}

    def to_representation(self, instance: Node) -> dict[str, Any]:
        shown: dict[str, Any] = super().to_representation(instance)
        return shown if instance.serial else {name: shown[name] for name in ("host_name", "role")}


class TransportSerializer(serializers.Serializer[Any]):
    mode = serializers.ChoiceField([(mode.value, mode.value) for mode in Mode])
    rule = serializers.ChoiceField([(rule.value, rule.value) for rule in Rule])
    why = serializers.CharField()
    registration_url = serializers.CharField(allow_null=True, help_text="What the products are told, for On-Prem.")


class ClusterSerializer(WithProxy):
    customer = Link(Customer)
    license_server = Link(LicenseServer, required=False, allow_null=True)
    nodes = NodeSerializer(many=True, required=False)
    transport = serializers.SerializerMethodField(help_text="How it reaches Cisco, and why.")
    evaluation_ends = serializers.DateField(
        read_only=True, allow_null=True, help_text="Last day of the 90 days of evaluation, until it is registered."
    )
    status = serializers.ChoiceField(
        cluster_status.Status.choices, read_only=True, help_text="The first of these statuses that applies."
    )

    class Meta:
        model = Cluster
        fields = ["id", *Cluster.OWN, "nodes", "transport", "status", "evaluation_ends", *PROXY_FIELDS]
        validators: list[Any] = []  # the verb says it

    @extend_schema_field(TransportSerializer)
    def get_transport(self, cluster: Cluster) -> Any:
        return TransportSerializer(paths.transport_of(cluster)).data


class ClusterFilters(django_filters.FilterSet):
    customer = LinkFilter()
    license_server = LinkFilter()
    name = django_filters.CharFilter()
    application = django_filters.ChoiceFilter(choices=Cluster.Application.choices)
    deployment = django_filters.ChoiceFilter(choices=Cluster.Deployment.choices)
    mixed_mode = YesNoFilter()
    managed_on_premise = YesNoFilter()
    status = django_filters.ChoiceFilter(choices=cluster_status.Status.choices)


class Clusters(ModelViewSet[Cluster]):
    queryset = cluster_status.with_status(
        paths.with_transport(Cluster.objects.with_evaluation()).prefetch_related("nodes")
    )
    serializer_class = ClusterSerializer
    filterset_class = ClusterFilters
    write_need = Need.OPERATE

    def perform_create(self, serializer: Any) -> None:
        self._save(serializer, Cluster(), None)

    def perform_update(self, serializer: Any) -> None:
        self._save(serializer, serializer.instance, audit.snapshot(serializer.instance))

    @transaction.atomic
    def _save(self, serializer: Any, cluster: Cluster, before: dict[str, Any] | None) -> None:
        actor, values = audit.actor_of(self.request), dict(serializer.validated_data)
        proxy, nodes = values.pop("proxy", None), values.pop("nodes", None)
        _set(cluster, values)
        clusters.save_cluster(actor, cluster, None if nodes is None else [NodeSpec(**node) for node in nodes], before)
        save_proxy(actor, cluster, proxy)
        serializer.instance = self.get_queryset().get(pk=cluster.pk)

    def perform_destroy(self, instance: Cluster) -> None:
        removal.delete_cluster(audit.actor_of(self.request), instance)


def _set(row: Customer | Cluster, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(row, name, value)
