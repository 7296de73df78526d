"""Serve virtual accounts in REST."""

from typing import Any

import django_filters
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from kit.rest.fields import AsOf, Link, RecordedOnly, Strict
from kit.rest.filters import GoneFilter, LinkFilter, UnsetFilter
from kit.rest.paging import PastCursor
from licensing.accounts.models import SmartAccount
from licensing.assignments import pool_settings
from licensing.mirror.filters import VirtualAccountsPast
from licensing.mirror.models import (
    VirtualAccount,
)
from licensing.mirror.rest.requests import CiscoRequestSerializer, answer_accepted
from licensing.operations import requests, virtual_accounts
from people import audit
from people.gate import Need, signed_in
from people.models import User


class VirtualAccountSerializer(RecordedOnly, Strict, serializers.ModelSerializer[VirtualAccount]):
    unrecorded = VirtualAccount.OWN
    owner = Link(User, required=False, allow_null=True)
    as_of = AsOf("smart_account")

    class Meta:
        model = VirtualAccount
        fields = [
            "id",
            "smart_account",
            "name",
            "description",
            "is_default",
            "access_level",
            *VirtualAccount.OWN,
            "as_of",
            "gone_at",
        ]
        read_only_fields = ["smart_account", "name", "description", "is_default", "access_level", "gone_at"]
        validators: list[Any] = []  # the verb says it


class NewVirtualAccountSerializer(Strict, serializers.Serializer[Any]):
    smart_account = Link(SmartAccount)
    name = serializers.CharField(max_length=virtual_accounts.NAME_LENGTH)
    description = serializers.CharField(max_length=500, allow_blank=True, default="")


class VirtualAccountFilters(VirtualAccountsPast):
    smart_account = LinkFilter()
    name = django_filters.CharFilter()
    purpose = django_filters.ChoiceFilter(choices=VirtualAccount.Purpose.choices)
    license_mode = UnsetFilter(VirtualAccount.LicenseMode.choices)
    cost_center = django_filters.CharFilter(lookup_expr="iexact")
    region = django_filters.CharFilter(lookup_expr="iexact")
    owner = LinkFilter()
    gone = GoneFilter()


class VirtualAccounts(mixins.UpdateModelMixin, ReadOnlyModelViewSet[VirtualAccount]):
    """Virtual accounts as Cisco lists them.

    `purpose`, `license_mode`, `cost_center`, `region`, `owner` and `note` are the partner's own. They are not
    recorded by day, so rows of `as_of` have none of them.
    """

    queryset = VirtualAccount.objects.select_related("smart_account")
    serializer_class = VirtualAccountSerializer
    filterset_class = VirtualAccountFilters
    pagination_class = PastCursor
    write_need = Need.OPERATE
    http_method_names = ["get", "head", "patch", "post", "delete"]
    waits_in = ("create", "destroy")

    @extend_schema(request=NewVirtualAccountSerializer, responses={202: CiscoRequestSerializer})
    def create(self, request: Request) -> Response:
        """Create a virtual account at Cisco.

        A worker does it; the answer is a request, whose `row` is the new virtual account.
        """
        new = NewVirtualAccountSerializer(data=request.data)
        new.is_valid(raise_exception=True)
        values = new.validated_data
        asked = requests.start(
            signed_in(request),
            requests.CREATE_VIRTUAL_ACCOUNT,
            account=values["smart_account"],
            name=values["name"],
            description=values["description"],
        )
        return answer_accepted(request, asked)

    @extend_schema(responses={202: CiscoRequestSerializer})
    def destroy(self, request: Request, pk: int) -> Response:
        """Delete it at Cisco; a worker does it. Refused while it is in use: `blockers` lists the reasons."""
        pool = self.get_object()
        return answer_accepted(request, requests.start(signed_in(request), requests.DELETE_VIRTUAL_ACCOUNT, pool=pool))

    def perform_update(self, serializer: Any) -> None:
        actor = audit.actor_of(self.request)
        pool_settings.save_virtual_account(actor, serializer.instance, serializer.validated_data)
