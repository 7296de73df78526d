"""Remedies, transfer plans, and the out-of-compliance clocks."""

from typing import Any

import django_filters
from django.db.models import Prefetch
from django.shortcuts import get_object_or_404
from django.urls import path
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet, ReadOnlyModelViewSet

from kit.rest.fields import Link, Strict, refuse_body
from kit.rest.filters import LinkFilter
from licensing.mirror.models import License, VirtualAccount
from licensing.pools import remedies
from licensing.pools.models import TransferPlan, TransferStep
from licensing.pools.rest.effects import TransferEffectSerializer
from licensing.pools.transfers import effect, planning
from licensing.pools.transfers.planning import Wanted
from people import audit
from people.gate import Need

MOST_MOVES = 100


class MoveSerializer(serializers.Serializer[Any]):
    """Names as Cisco spells them, and the ids that `moves` of a new transfer plan takes."""

    license = serializers.CharField(source="license.name")
    source = serializers.CharField(source="license.virtual_account.name")  # type: ignore[assignment]
    target = serializers.CharField(source="target.name")
    quantity = serializers.IntegerField()
    license_id = serializers.IntegerField(source="license.pk", help_text="The license at its source.")
    target_id = serializers.IntegerField(source="target.pk", help_text="The virtual account.")


class RemedySerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField([(kind.value, kind.value) for kind in remedies.Kind])
    quantity = serializers.IntegerField()
    headroom = serializers.IntegerField(help_text="What of the quantity is more than is missing.")
    short_after = serializers.IntegerField(help_text="How many are short here with this remedy alone.")
    text = serializers.CharField()
    moves = MoveSerializer(source="wanted", many=True)
    product_instances = serializers.SerializerMethodField()
    effect = serializers.SerializerMethodField(help_text="Null where nothing moves.")

    def get_product_instances(self, remedy: remedies.Remedy) -> list[int]:
        return [instance.pk for instance in remedy.instances]

    @extend_schema_field(TransferEffectSerializer(allow_null=True))
    def get_effect(self, remedy: remedies.Remedy) -> Any:
        found: remedies.Remedies = self.context["found"]
        return TransferEffectSerializer(found.effect(remedy)).data if remedy.wanted else None


class RemediesSerializer(serializers.Serializer[Any]):
    license = serializers.IntegerField(source="license.pk")
    short = serializers.IntegerField(help_text="By the rules of allocation; Cisco's own figure may differ.")
    borrowing_fails = serializers.BooleanField(
        help_text="By the rules a higher license would serve it, and Cisco reports it as out of compliance."
    )
    options = RemedySerializer(many=True)


MOVE_FIELDS = ("id", "position", "license", "license_type", "source", "target", "quantity")


RESULT_FIELDS = ("state", "cause", "before", "after", "sent_at", "verified_at")


class StepSerializer(serializers.ModelSerializer[TransferStep]):
    class Meta:
        model = TransferStep
        fields = [*MOVE_FIELDS, *RESULT_FIELDS]


PLAN_FIELDS = ("id", "smart_account", "state", "reason", "needs_approval")


HISTORY_FIELDS = ("created_by", "created_at", "approved_by", "approved_at", "started_by", "started_at", "finished_at")


class PlanSerializer(serializers.ModelSerializer[TransferPlan]):
    steps = StepSerializer(many=True, read_only=True)

    class Meta:
        model = TransferPlan
        fields = [*PLAN_FIELDS, *HISTORY_FIELDS, "cause", "next_step", "steps"]
        read_only_fields = fields


class NewMoveSerializer(Strict, serializers.Serializer[Any]):
    license = Link(License, help_text="The license to move, at its source.")
    target = Link(VirtualAccount)
    quantity = serializers.IntegerField(min_value=1, max_value=2**31 - 1)


class NewPlanSerializer(Strict, serializers.Serializer[Any]):
    """A license that is short: the moves that end its shortage, with headroom. With `target` and `quantity`: that move
    of it. With `moves`: these moves, in this order."""

    license = Link(License, required=False, help_text="The license that is short, or with `target` the one to move.")
    target = Link(VirtualAccount, required=False, allow_null=True)
    quantity = serializers.IntegerField(min_value=1, max_value=2**31 - 1, required=False, allow_null=True)
    moves = serializers.ListField(child=NewMoveSerializer(), required=False, min_length=1, max_length=MOST_MOVES)
    whole_account = serializers.BooleanField(default=False, help_text="All shortages of the license's smart account.")
    from_ordered = serializers.BooleanField(default=False, help_text="Also take from the ordered pool.")
    reason = serializers.CharField(max_length=500, allow_blank=True, default="")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        beside = ("license", "target", "quantity", "whole_account", "from_ordered") if attrs.get("moves") else ()
        for name in beside:
            if attrs.get(name):
                raise serializers.ValidationError({name: ["`moves` names the moves: leave this out."]})
        if not attrs.get("moves") and not attrs.get("license"):
            raise serializers.ValidationError({"license": ["Name the license that is short, or `moves`."]})
        if (attrs.get("target") is None) != (attrs.get("quantity") is None):
            raise serializers.ValidationError({"quantity": ["`target` and `quantity` belong together."]})
        for name in ("whole_account", "from_ordered") if attrs.get("target") else ():
            if attrs[name]:
                raise serializers.ValidationError({name: ["`target` names the one move: leave this out."]})
        return attrs


class SettledSerializer(Strict, serializers.Serializer[Any]):
    """Record what became of a step of this plan, as a person saw it in CSSM."""

    step = Link(TransferStep, help_text="An unclear one that was read back.")
    moved = serializers.BooleanField(help_text="False: it is sent again when the plan is executed again.")


class PlanFilters(django_filters.FilterSet):
    smart_account = LinkFilter()
    state = django_filters.ChoiceFilter(choices=TransferPlan.State.choices)


class TransferPlans(ReadOnlyModelViewSet[TransferPlan]):
    queryset = TransferPlan.objects.select_related("smart_account__license_server").prefetch_related(
        Prefetch("steps", TransferStep.objects.order_by("position"))
    )
    serializer_class = PlanSerializer
    filterset_class = PlanFilters
    write_need = Need.OPERATE
    waits_in = ("execute",)

    @extend_schema(request=NewPlanSerializer, responses={201: PlanSerializer})
    def create(self, request: Request) -> Response:
        """Make a draft: what ends a shortage, or the moves that are named. Nothing is sent to Cisco before `execute`.

        No pool can give more than is free there, all moves from it together.
        """
        new = NewPlanSerializer(data=request.data)
        new.is_valid(raise_exception=True)
        values = new.validated_data
        wanted = _wanted(values)
        first: License = values.get("license") or wanted[0].license
        account = first.virtual_account.smart_account
        made = planning.create(audit.actor_of(request), account, wanted, values["reason"])
        return Response(self.get_serializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=PlanSerializer)
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, pk: int) -> Response:
        """Approve the plan. A person other than its author must do this."""
        refuse_body(request)
        return self._done(planning.approve(audit.actor_of(request), self.get_object()))

    @extend_schema(request=None, responses=PlanSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: int) -> Response:
        """Cancel the plan. Licenses that have moved stay where they are."""
        refuse_body(request)
        return self._done(planning.cancel(audit.actor_of(request), self.get_object()))

    @extend_schema(request=None, responses={202: PlanSerializer})
    @action(detail=True, methods=["post"])
    def execute(self, request: Request, pk: int) -> Response:
        """Start it, or start it again after it stopped: what is verified is not repeated."""
        refuse_body(request)
        plan = planning.request(audit.actor_of(request), self.get_object())
        return self._done(plan, status.HTTP_202_ACCEPTED)

    @extend_schema(request=SettledSerializer, responses=PlanSerializer)
    @action(detail=True, methods=["post"])
    def settle(self, request: Request, pk: int) -> Response:
        """Say what became of an unclear step of a stopped plan. Nothing is sent to Cisco."""
        plan, said = self.get_object(), SettledSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        step = said.validated_data["step"]
        if step.plan_id != plan.pk:
            raise serializers.ValidationError({"step": ["This plan has no such step."]})
        planning.settle(audit.actor_of(request), step, said.validated_data["moved"])
        return self._done(self.get_object())

    @extend_schema(responses=TransferEffectSerializer)
    @action(detail=True, methods=["get"])
    def effect(self, request: Request, pk: int) -> Response:
        """Say what the steps that are not verified yet would do to both sides and to the alerts."""
        return Response(TransferEffectSerializer(effect.of_plan(self.get_object())).data)

    def _done(self, plan: TransferPlan, code: int = status.HTTP_200_OK) -> Response:
        return Response(self.get_serializer(plan).data, status=code)


def _wanted(values: dict[str, Any]) -> list[Wanted]:
    if values.get("moves"):
        return [Wanted(move["license"], move["target"], move["quantity"]) for move in values["moves"]]
    row: License = values["license"]
    if values.get("target"):
        return [Wanted(row, values["target"], values["quantity"])]
    if values["whole_account"]:
        return remedies.wanted_for_account(row.virtual_account.smart_account, values["from_ordered"])
    return remedies.wanted_for(row, values["from_ordered"])


class Remedies(GenericViewSet[License]):
    serializer_class = RemediesSerializer
    queryset = License.objects.select_related("virtual_account__smart_account")
    pagination_class = None
    filter_backends = ()

    def retrieve(self, request: Request, pk: int) -> Response:
        """List the remedies that end its shortage, each with its effect. There are none where nothing is short."""
        found = remedies.remedies_for(get_object_or_404(self.get_queryset(), pk=pk))
        return Response(RemediesSerializer(found, context={"found": found}).data)


ROUTES = [path("licenses/<int:pk>/remedies/", Remedies.as_view({"get": "retrieve"}))]
