"""Serve what-if scenarios and explanations of licenses over REST."""

from collections.abc import Iterable
from typing import Any

from django.shortcuts import get_object_or_404
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from kit.refusals import Refusal
from kit.rest.fields import MAX_ID, Strict
from licensing.allocation import explanation, what_if
from licensing.allocation.engine import Rule
from licensing.allocation.explanation import Explained, Verdict
from licensing.fleet.models import Cluster
from licensing.mirror.models import License, VirtualAccount
from people.gate import Need

MOST_CLUSTERS, MOST_LICENSES = 1000, 500


class WholeNumber(serializers.IntegerField):
    """Accept JSON numbers only, no strings and no booleans."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return int(super().to_internal_value(data))


class ScenarioSerializer(Strict, serializers.Serializer[Any]):
    action = serializers.ChoiceField(choices=[(action.value, action.value) for action in what_if.Action])
    clusters = serializers.ListField(
        child=WholeNumber(min_value=1, max_value=MAX_ID),
        max_length=MOST_CLUSTERS,
        default=list,
        help_text="Ids. Each counts with what its product instances use now, wherever they are registered.",
    )
    users = serializers.DictField(
        child=WholeNumber(min_value=1, max_value=what_if.MOST),
        default=dict,
        help_text="Numbers of users by license, named as Cisco displays it or by its tag name.",
    )
    virtual_account = WholeNumber(
        min_value=1, max_value=MAX_ID, allow_null=True, default=None, help_text="Id of the destination; null to remove."
    )
    source = WholeNumber(  # type: ignore[assignment]  # DRF keeps members apart from its own attributes
        min_value=1,
        max_value=MAX_ID,
        allow_null=True,
        default=None,
        help_text="Id of the virtual account that `users` leave.",
    )

    def validate_users(self, users: dict[str, int]) -> dict[str, int]:
        if len(users) > MOST_LICENSES or any(len(name) > 300 or not name.strip() for name in users):
            raise ValidationError(f"At most {MOST_LICENSES} licenses, each with a name of at most 300 characters.")
        return users

    def scenario(self) -> what_if.Scenario:
        sent = self.validated_data
        pools = _find_rows(VirtualAccount, "virtual_account", [sent["virtual_account"], sent["source"]])
        clusters = _find_rows(Cluster, "cluster", sent["clusters"])
        errors = {
            **_missing_errors("clusters", "cluster", sent["clusters"], clusters),
            **_missing_errors("virtual_account", "virtual account", [sent["virtual_account"]], pools),
            **_missing_errors("source", "virtual account", [sent["source"]], pools),
        }
        if errors:
            raise ValidationError(errors)
        return what_if.scenario(
            sent["action"],
            list(clusters.values()),
            sent["users"],
            pools.get(sent["virtual_account"]),
            pools.get(sent["source"]),
        )


def _find_rows(model: Any, name: str, ids: Iterable[int | None]) -> dict[int | None, Any]:
    wanted = {number for number in ids if number is not None}
    if not wanted:
        return {}
    rows = model.objects.filter(pk__in=wanted)
    return {row.pk: row for row in (rows.select_related("smart_account") if name == "virtual_account" else rows)}


def _missing_errors(
    field: str, noun: str, ids: Iterable[int | None], found: dict[int | None, Any]
) -> dict[str, list[str]]:
    missing = [number for number in dict.fromkeys(ids) if number is not None and number not in found]
    return {field: [f"There is no {noun} {number}." for number in missing]} if missing else {}


class GrantSerializer(serializers.Serializer[Any]):
    requested = serializers.CharField()
    granted = serializers.CharField(help_text="The license that serves the request.")
    quantity = serializers.IntegerField()
    rule = serializers.ChoiceField(choices=[(rule.value, rule.value) for rule in Rule])


class SideSerializer(serializers.Serializer[Any]):
    owned = serializers.IntegerField()
    requested = serializers.IntegerField()
    reserved = serializers.IntegerField()
    served_by = GrantSerializer(many=True)
    lent_to = GrantSerializer(many=True, help_text="Other licenses' requests that it serves.")
    left = serializers.IntegerField()
    short = serializers.IntegerField()


class ComparisonSerializer(serializers.Serializer[Any]):
    topic = serializers.CharField()
    verdict = serializers.ChoiceField(choices=[(verdict.value, verdict.value) for verdict in Verdict])
    text = serializers.CharField()


class ExplainedSerializer(serializers.Serializer[Any]):
    license = serializers.CharField()
    licenses = serializers.SerializerMethodField(help_text="Ids of all its spellings in the pool, counted together.")
    known = serializers.BooleanField(
        help_text="True if Cisco's rules name the license. Otherwise it serves itself alone."
    )
    used = serializers.IntegerField(help_text="Quantity that product instances use.")
    unexplained_use = serializers.IntegerField(
        help_text="Quantity that Cisco counts beyond `used`; it counts as requested."
    )
    figures = SideSerializer()
    comparisons = ComparisonSerializer(many=True, help_text="Cisco's figures beside these.")

    def get_licenses(self, found: Explained) -> list[int]:
        return [row.pk for row in found.rows]


class RowSerializer(serializers.Serializer[Any]):
    license = serializers.CharField()
    changed = serializers.BooleanField()
    before = SideSerializer()
    after = SideSerializer()


class PoolOutcomeSerializer(serializers.Serializer[Any]):
    virtual_account = serializers.IntegerField(source="virtual_account.pk")
    name = serializers.CharField(source="virtual_account.name")
    as_of = serializers.DateTimeField(source="virtual_account.smart_account.last_synced_at", allow_null=True)
    licenses = RowSerializer(source="rows", many=True)


class ShortageSerializer(serializers.Serializer[Any]):
    virtual_account = serializers.IntegerField(source="virtual_account.pk")
    license = serializers.CharField()
    short = serializers.IntegerField()
    before = serializers.IntegerField(help_text="Short today.")
    text = serializers.CharField()


class OutcomeSerializer(serializers.Serializer[Any]):
    first_shortage = ShortageSerializer(allow_null=True)
    shortages = ShortageSerializer(many=True, help_text="Shortages that the scenario causes or makes worse.")
    virtual_accounts = PoolOutcomeSerializer(
        source="pools", many=True, help_text="All virtual accounts that the scenario changes."
    )
    notes = serializers.ListField(child=serializers.CharField(), help_text="Limits of these figures.")


class WhatIf(APIView):
    """Show the effect of adding, moving or removing clusters or users. Nothing is changed."""

    write_need = Need.READ  # A scenario changes nothing, so readers may ask.

    @extend_schema(request=ScenarioSerializer, responses={200: OutcomeSerializer})
    def post(self, request: Request) -> Response:
        sent = ScenarioSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        return Response(OutcomeSerializer(what_if.evaluate(sent.scenario())).data)


class Explanations(GenericViewSet[License]):
    serializer_class = ExplainedSerializer
    queryset = License.objects.select_related("virtual_account__smart_account")
    pagination_class = None
    filter_backends = ()
    refuses_in = ("retrieve",)

    def retrieve(self, request: Request, pk: int) -> Response:
        """Explain which licenses serve this one, and compare with Cisco's figures. 409 if the license is gone."""
        row = get_object_or_404(self.get_queryset(), pk=pk)
        found = explanation.explain_license(row)
        if found is None:
            raise Refusal(f"{row} is gone at Cisco.", "Choose a license that Cisco lists.")
        return Response(ExplainedSerializer(found).data)


ROUTES = [
    path("what-if/", WhatIf.as_view(), name="api-what-if"),
    path("licenses/<int:pk>/explanation/", Explanations.as_view({"get": "retrieve"})),
]
