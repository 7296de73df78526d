"""The two pools of a smart account in REST."""

from typing import Any

from django.shortcuts import get_object_or_404
from django.urls import path
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from licensing.accounts.models import SmartAccount
from licensing.pools import balance
from licensing.pools.balance import Pools


class FiguresSerializer(serializers.Serializer[Any]):
    """The figures of one license, as `positions/` counts them. Null: not defined for this group."""

    license = serializers.CharField()
    ordered = serializers.IntegerField(allow_null=True)
    delivered = serializers.IntegerField(allow_null=True)
    outstanding = serializers.IntegerField(source="undelivered", allow_null=True, help_text="What Cisco still owes.")
    operational = serializers.IntegerField(
        source="owned", allow_null=True, help_text="Owned, in all virtual accounts but the ordered one."
    )
    consumed = serializers.IntegerField(source="used", allow_null=True, help_text="Used, in all virtual accounts.")
    difference = serializers.IntegerField(allow_null=True, help_text="Operational less consumed.")
    short_by_cisco = serializers.IntegerField(allow_null=True)
    short_with_borrowing = serializers.IntegerField(allow_null=True)
    true_forward = serializers.IntegerField(allow_null=True, help_text="Used beyond what was ordered.")


class GroupSerializer(serializers.Serializer[Any]):
    title = serializers.CharField()
    licenses = FiguresSerializer(source="figures", many=True)


class CustomerGroupSerializer(GroupSerializer):
    customer = serializers.IntegerField(source="row.pk", allow_null=True, default=None)


class ClusterGroupSerializer(GroupSerializer):
    cluster = serializers.IntegerField(source="row.pk", allow_null=True, default=None)


class OrderGroupSerializer(GroupSerializer):
    subscription = serializers.IntegerField(source="row.pk", allow_null=True, default=None)


class PoolsSerializer(serializers.Serializer[Any]):
    ordered = serializers.IntegerField(source="ordered.pk", allow_null=True, default=None, help_text="Virtual account.")
    operational = serializers.IntegerField(
        source="operational.pk", allow_null=True, default=None, help_text="Virtual account."
    )
    as_of = serializers.DateTimeField(source="account.last_synced_at", allow_null=True)
    by_license = serializers.SerializerMethodField()
    by_model = GroupSerializer(many=True)
    by_customer = CustomerGroupSerializer(many=True)
    by_cluster = ClusterGroupSerializer(many=True)
    by_order = OrderGroupSerializer(many=True)

    @extend_schema_field(FiguresSerializer(many=True))
    def get_by_license(self, found: Pools) -> Any:
        return FiguresSerializer([row.figures for row in found.by_license], many=True).data


class AccountPools(GenericViewSet[SmartAccount]):
    serializer_class = PoolsSerializer
    queryset = SmartAccount.objects.select_related("license_server")
    pagination_class = None
    filter_backends = ()

    def retrieve(self, request: Request, pk: int) -> Response:
        """Ordered against operational against consumed: by license, license model, customer and cluster."""
        return Response(PoolsSerializer(balance.of(get_object_or_404(self.get_queryset(), pk=pk))).data)


ROUTES = [path("smart-accounts/<int:pk>/pools/", AccountPools.as_view({"get": "retrieve"}))]
