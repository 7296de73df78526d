"""Batches of assignments in a maintenance window."""

from typing import Any

import django_filters
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from kit.rest.fields import MAX_ID, Link, Strict, refuse_body
from kit.rest.filters import LinkFilter
from licensing.assignments import batches
from licensing.assignments.models import AssignmentBatch
from licensing.assignments.rest.assignments import ReasonSerializer
from licensing.fleet.models import Cluster
from licensing.mirror.models import VirtualAccount
from people import audit
from people.gate import Need

SHOWN = 40  # characters of what is no id


class ClusterList(serializers.ManyRelatedField):
    """Ids in the order in which they go; asked for in one query."""

    def __init__(self, **options: Any) -> None:
        super().__init__(child_relation=Link(Cluster), **options)

    def to_internal_value(self, data: Any) -> list[Cluster]:
        if not isinstance(data, list):
            self.fail("not_a_list", input_type=type(data).__name__)
        wrong = [value for value in data if type(value) is not int or not 0 < value <= MAX_ID]
        if wrong:
            raise serializers.ValidationError([f"{str(wrong[0])[:SHOWN]} is not an id."])
        found = Cluster.objects.in_bulk(data)
        missing = [value for value in data if value not in found]
        if missing:
            raise serializers.ValidationError([f"There is no cluster {missing[0]}."])
        return [found[value] for value in data]

    def to_representation(self, value: Any) -> list[int]:
        return [row.cluster_id for row in value]


CONDITION_FIELDS = ("window_start", "window_end", "at_once", "stop_on_error", "needs_approval", "override_reason")
PROGRESS_FIELDS = ("state", "cause", "created_by", "created_at", "approved_by", "approved_at", "finished_at")


class BatchSerializer(Strict, serializers.ModelSerializer[AssignmentBatch]):
    virtual_account = Link(VirtualAccount)
    clusters = ClusterList(help_text="In the order in which they go.")

    class Meta:
        model = AssignmentBatch
        fields = ["id", "name", "kind", "virtual_account", "clusters", *CONDITION_FIELDS, *PROGRESS_FIELDS]
        read_only_fields = [*PROGRESS_FIELDS]


class OrderBody(Strict, serializers.Serializer[Any]):
    clusters = ClusterList(help_text="All clusters of the batch, in their new order.")


class BatchFilters(django_filters.FilterSet):
    virtual_account = LinkFilter()
    cluster = LinkFilter(field_name="clusters__cluster")
    kind = django_filters.ChoiceFilter(choices=AssignmentBatch.Kind.choices)
    state = django_filters.ChoiceFilter(choices=AssignmentBatch.State.choices)


class PlaceSerializer(serializers.Serializer[Any]):
    cluster = serializers.SerializerMethodField()
    name = serializers.CharField(source="cluster.name")
    restarts = serializers.CharField(help_text="The publisher that will restart; empty: none.")
    moves_from = serializers.SerializerMethodField(help_text="The virtual account that it leaves.")
    reasons = ReasonSerializer(many=True, help_text="Why it cannot go; empty: it can.")

    @extend_schema_field(serializers.IntegerField())
    def get_cluster(self, place: batches.Place) -> int:
        return place.cluster.pk

    @extend_schema_field(serializers.IntegerField(allow_null=True))
    def get_moves_from(self, place: batches.Place) -> int | None:
        return place.moves_from.pk if place.moves_from else None


class PreviewSerializer(serializers.Serializer[Any]):
    places = PlaceSerializer(many=True)
    shortages = ReasonSerializer(many=True, help_text="Licenses that would be short when all have come.")


class AssignmentBatches(mixins.CreateModelMixin, ReadOnlyModelViewSet[AssignmentBatch]):
    queryset = AssignmentBatch.objects.prefetch_related("clusters")
    serializer_class = BatchSerializer
    filterset_class = BatchFilters
    write_need = Need.OPERATE

    def perform_create(self, serializer: Any) -> None:
        values = dict(serializer.validated_data)
        clusters = values.pop("clusters")
        serializer.instance = batches.draft(audit.actor_of(self.request), AssignmentBatch(**values), clusters)

    @extend_schema(responses=PreviewSerializer)
    @action(detail=True, methods=["get"])
    def preview(self, request: Request, pk: int) -> Response:
        """Each cluster as it would go now: what restarts, what is against it, and which licenses would be short."""
        return Response(PreviewSerializer(batches.preview(self.get_object())).data)

    @extend_schema(request=OrderBody, responses=BatchSerializer)
    @action(detail=True, methods=["post"])
    def reorder(self, request: Request, pk: int) -> Response:
        """While it is a draft: the order in which its clusters go."""
        body = OrderBody(data=request.data)
        body.is_valid(raise_exception=True)
        order = [cluster.pk for cluster in body.validated_data["clusters"]]
        batches.reorder(audit.actor_of(request), self.get_object(), order)
        return self._answer()

    @extend_schema(request=None, responses=BatchSerializer)
    @action(detail=True, methods=["post"])
    def plan(self, request: Request, pk: int) -> Response:
        """From draft to planned: it starts when its window opens and, where needed, another person has approved."""
        refuse_body(request)
        batches.plan(audit.actor_of(request), self.get_object())
        return self._answer()

    @extend_schema(request=None, responses=BatchSerializer)
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, pk: int) -> Response:
        """By another person than who drafted it."""
        refuse_body(request)
        batches.approve(audit.actor_of(request), self.get_object())
        return self._answer()

    @extend_schema(request=None, responses=BatchSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: int) -> Response:
        """Nothing more starts. Jobs that have begun go on."""
        refuse_body(request)
        batches.cancel(audit.actor_of(request), self.get_object())
        return self._answer()

    def _answer(self) -> Response:
        return Response(self.get_serializer(self.get_object()).data)
