"""Subscriptions: to whom they belong, and which license model they are."""

from typing import Any

import django_filters
from rest_framework import mixins, serializers
from rest_framework.viewsets import ReadOnlyModelViewSet

from kit.rest.fields import Link, Strict
from kit.rest.filters import LinkFilter, UnsetFilter
from licensing.fleet.models import Customer
from licensing.mirror.models import Subscription
from licensing.pools import subscriptions
from people import audit
from people.gate import Need


class SubscriptionSerializer(Strict, serializers.ModelSerializer[Subscription]):
    customer = Link(Customer, allow_null=True, required=False)

    class Meta:
        model = Subscription
        fields = ["id", "smart_account", "subscription_id", *Subscription.OWN, "first_seen_at"]
        read_only_fields = ["smart_account", "subscription_id", "first_seen_at"]
        validators: list[Any] = []  # the verb says it


class SubscriptionFilters(django_filters.FilterSet):
    smart_account = LinkFilter()
    subscription_id = django_filters.CharFilter(lookup_expr="iexact")
    customer = LinkFilter()
    license_model = UnsetFilter(Subscription.LicenseModel.choices)


class Subscriptions(mixins.UpdateModelMixin, ReadOnlyModelViewSet[Subscription]):
    """Every subscription that a purchase line has named. The partner's own: `customer`, `license_model`, `note`."""

    queryset = Subscription.objects.all()
    serializer_class = SubscriptionSerializer
    filterset_class = SubscriptionFilters
    write_need = Need.OPERATE
    http_method_names = ["get", "head", "patch"]

    def perform_update(self, serializer: Any) -> None:
        row, sent = serializer.instance, serializer.validated_data
        serializer.instance = subscriptions.map_to(
            audit.actor_of(self.request),
            row,
            sent.get("customer", row.customer),
            sent.get("license_model", row.license_model),
            sent.get("note"),
        )
