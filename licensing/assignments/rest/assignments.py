"""Assignments, the jobs that carry them out, and batches of them."""

from typing import Any

import django_filters
from django.db.models import OuterRef, Subquery
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from kit.rest.fields import Link, Strict, refuse_body
from kit.rest.filters import LinkFilter, YesNoFilter
from kit.rest.paging import PastCursor
from licensing.assignments import checks, decisions
from licensing.assignments.filters import AssignmentsPast
from licensing.assignments.jobs import actions, effects
from licensing.assignments.models import Assignment, AssignmentJob, AssignmentStage
from licensing.fleet.models import Cluster
from licensing.mirror.models import VirtualAccount
from people import audit
from people.gate import Need

NEWEST_JOB = Subquery(AssignmentJob.objects.filter(assignment=OuterRef("pk")).order_by("-pk").values("pk")[:1])
WHY_SHORT = "Why it goes on although licenses will be short."


class AssignmentSerializer(Strict, serializers.ModelSerializer[Assignment]):
    """`job`: the newest job that carries it out, or its end; null where nothing has to be done on the cluster."""

    cluster = Link(Cluster)
    virtual_account = Link(VirtualAccount)
    job = serializers.IntegerField(source="job_id", read_only=True, allow_null=True)
    override_reason = serializers.CharField(
        required=False, allow_blank=True, max_length=2000, write_only=True, help_text=WHY_SHORT
    )

    class Meta:
        model = Assignment
        fields = [
            "id",
            "cluster",
            "virtual_account",
            "started_at",
            "started_by",
            "ended_at",
            "ended_by",
            "job",
            "override_reason",
        ]
        read_only_fields = ["started_at", "started_by", "ended_at", "ended_by"]
        validators: list[Any] = []  # the verb says it


class AssignmentFilters(AssignmentsPast):
    cluster = LinkFilter()
    virtual_account = LinkFilter()
    customer = LinkFilter(field_name="cluster__customer")
    current = YesNoFilter(field_name="ended_at", lookup_expr="isnull")


class ReassignBody(Strict, serializers.Serializer[Any]):
    virtual_account = Link(VirtualAccount)
    override_reason = serializers.CharField(
        required=False, allow_blank=True, max_length=2000, default="", help_text=WHY_SHORT
    )


class PreflightBody(Strict, serializers.Serializer[Any]):
    cluster = Link(Cluster)
    virtual_account = Link(VirtualAccount)


class ReasonSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()
    next_step = serializers.CharField()
    field = serializers.CharField(help_text="The input at fault; empty where it is none.")
    overridable = serializers.BooleanField(help_text="Whether `override_reason` goes over it.")


class PreflightSerializer(serializers.Serializer[Any]):
    reasons = ReasonSerializer(many=True, help_text="Everything that is against it; empty: it can be assigned.")
    restarts = serializers.CharField(help_text="The publisher that will restart; empty: none.")


class Assignments(mixins.CreateModelMixin, ReadOnlyModelViewSet[Assignment]):
    """List assignments of clusters to virtual accounts. With `as_of`, list those that were current on that day."""

    queryset = Assignment.objects.annotate(job_id=NEWEST_JOB)
    serializer_class = AssignmentSerializer
    filterset_class = AssignmentFilters
    pagination_class = PastCursor
    write_need = Need.OPERATE

    def perform_create(self, serializer: Any) -> None:
        made = decisions.assign(audit.actor_of(self.request), **serializer.validated_data)
        serializer.instance = self.get_queryset().get(pk=made.pk)

    @extend_schema(request=None, responses=AssignmentSerializer)
    @action(detail=True, methods=["post"])
    def end(self, request: Request, pk: int) -> Response:
        """End an assignment. Where the cluster is registered, a job deregisters it."""
        refuse_body(request)
        ended = decisions.end(audit.actor_of(request), self.get_object())
        return self._answer(ended)

    @extend_schema(request=ReassignBody, responses=AssignmentSerializer)
    @action(detail=True, methods=["post"])
    def reassign(self, request: Request, pk: int) -> Response:
        """Move the cluster to another virtual account. Answers the new assignment; this one has ended."""
        body = ReassignBody(data=request.data)
        body.is_valid(raise_exception=True)
        made = decisions.reassign(audit.actor_of(request), self.get_object().cluster, **body.validated_data)
        return self._answer(made)

    @extend_schema(request=PreflightBody, responses=PreflightSerializer)
    @action(detail=False, methods=["post"])
    def preflight(self, request: Request) -> Response:
        """What is against assigning a cluster, all of it at once. Nothing is changed."""
        body = PreflightBody(data=request.data)
        body.is_valid(raise_exception=True)
        cluster, pool = body.validated_data["cluster"], body.validated_data["virtual_account"]
        moves = Assignment.objects.current().filter(cluster=cluster).exclude(virtual_account=pool).exists()
        step = checks.Step.REASSIGN if moves else checks.Step.ASSIGN
        answer = {
            "reasons": checks.reasons_against(cluster, pool, step),
            "restarts": effects.restarting_publisher(cluster, pool),
        }
        return Response(PreflightSerializer(answer).data)

    def _answer(self, row: Assignment) -> Response:
        return Response(self.get_serializer(self.get_queryset().get(pk=row.pk)).data)


class StageSerializer(serializers.ModelSerializer[AssignmentStage]):
    instructions = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = AssignmentStage
        fields = ["kind", "state", "cause", "next_step", "instructions", "confirmed_by", "started_at", "finished_at"]
        read_only_fields = fields


JOB_FIELDS = ("id", "kind", "state")
ASSIGNMENT_FIELDS = ("cluster", "virtual_account", "previous", "assignment", "batch")
REQUEST_FIELDS = ("override_reason", "requested_by", "requested_at")


class JobSerializer(serializers.ModelSerializer[AssignmentJob]):
    stages = StageSerializer(many=True, read_only=True)

    class Meta:
        model = AssignmentJob
        fields = [*JOB_FIELDS, *ASSIGNMENT_FIELDS, *REQUEST_FIELDS, "finished_at", "stages"]
        read_only_fields = fields


class JobFilters(django_filters.FilterSet):
    cluster = LinkFilter()
    virtual_account = LinkFilter()
    assignment = LinkFilter()
    batch = LinkFilter()
    kind = django_filters.ChoiceFilter(choices=AssignmentJob.Kind.choices)
    state = django_filters.ChoiceFilter(choices=AssignmentJob.State.choices)
    open = YesNoFilter(field_name="finished_at", lookup_expr="isnull")


class StageBody(Strict, serializers.Serializer[Any]):
    stage = serializers.ChoiceField(AssignmentStage.Kind.choices, help_text="The one that waits for you.")


class FailBody(StageBody):
    cause = serializers.CharField(max_length=2000, help_text="What went wrong, in a sentence.")


class AssignmentJobs(ReadOnlyModelViewSet[AssignmentJob]):
    queryset = AssignmentJob.objects.prefetch_related("stages")
    serializer_class = JobSerializer
    filterset_class = JobFilters
    write_need = Need.OPERATE

    @extend_schema(request=StageBody, responses=JobSerializer)
    @action(detail=True, methods=["post"])
    def confirm(self, request: Request, pk: int) -> Response:
        """The stage that was to be done by hand is done."""
        body = StageBody(data=request.data)
        body.is_valid(raise_exception=True)
        actions.confirm(audit.actor_of(request), self.get_object(), body.validated_data["stage"])
        return self._answer()

    @extend_schema(request=FailBody, responses=JobSerializer)
    @action(detail=True, methods=["post"])
    def fail(self, request: Request, pk: int) -> Response:
        """The stage could not be done by hand."""
        body = FailBody(data=request.data)
        body.is_valid(raise_exception=True)
        values = body.validated_data
        actions.report_failure(audit.actor_of(request), self.get_object(), values["stage"], values["cause"])
        return self._answer()

    @extend_schema(request=None, responses=JobSerializer)
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: int) -> Response:
        """Go on at the stage that failed."""
        refuse_body(request)
        actions.retry(audit.actor_of(request), self.get_object())
        return self._answer()

    @extend_schema(request=None, responses=JobSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: int) -> Response:
        """Give it up. What was done on the cluster stays, and so does the assignment."""
        refuse_body(request)
        actions.cancel(audit.actor_of(request), self.get_object())
        return self._answer()

    def _answer(self) -> Response:
        return Response(self.get_serializer(self.get_object()).data, status=status.HTTP_200_OK)
