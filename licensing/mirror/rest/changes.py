"""Serve the changes of a sync run, and what differs between two days or two sync runs."""

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.urls import path
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import mixins, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from kit.rest.fields import MAX_ID
from kit.rest.filters import LinkFilter, StrictFilterBackend, check_known
from kit.rest.paging import Cursor
from licensing.accounts.models import SmartAccount
from licensing.mirror.changes import records
from licensing.mirror.changes.comparison import NOT_KEPT, NOT_RECORDED, Comparison, Gap, compare
from licensing.mirror.filters import OBJECT_TYPES, ChangeFilter, NetChangeFilter
from licensing.mirror.models import Change, SyncRun

VALUES = {
    "type": "object",
    "description": "The old and the new value of each field that changed.",
    "additionalProperties": {"type": "array", "minItems": 2, "maxItems": 2, "items": {}},
}


@extend_schema_field(VALUES)
class ValuesField(serializers.JSONField):
    pass


class ChangeSerializer(serializers.ModelSerializer[Change]):
    object_type = serializers.ChoiceField(choices=OBJECT_TYPES, read_only=True)
    object = serializers.IntegerField(source="object_id", read_only=True, help_text="Id of the object that changed.")
    values = ValuesField(read_only=True)

    class Meta:
        model = Change
        fields = ["id", "at", "kind", "object_type", "object", "label", "values"]
        read_only_fields = fields


class NetChangeSerializer(ChangeSerializer):
    """What differs of one object. `id`, `at`, `label` and `sync_run` are those of its last change in between."""

    kind = serializers.ChoiceField(source="net_kind", choices=Change.Kind.choices, read_only=True)
    values = ValuesField(source="net_values", read_only=True)
    smart_account = serializers.IntegerField(source="sync_run.smart_account_id", read_only=True)

    class Meta(ChangeSerializer.Meta):
        fields = [*ChangeSerializer.Meta.fields, "smart_account", "sync_run"]
        read_only_fields = fields


GAPS = {
    "type": "array",
    "description": "Parts of the time about which the portal knows nothing.",
    "items": {
        "type": "object",
        "required": ["smart_account", "until", "reason", "text"],
        "properties": {
            "smart_account": {"type": "integer"},
            "until": {
                "type": "string",
                "format": "date-time",
                "nullable": True,
                "description": "Null: the smart account has never been synced.",
            },
            "reason": {"type": "string", "enum": [NOT_RECORDED, NOT_KEPT]},
            "text": {"type": "string"},
        },
    },
}


class GapSerializer(serializers.Serializer[Gap]):
    smart_account = serializers.IntegerField(source="smart_account.pk")
    until = serializers.DateTimeField(allow_null=True)
    reason = serializers.ChoiceField([(NOT_RECORDED, "not recorded"), (NOT_KEPT, "no longer kept")])
    text = serializers.CharField()


class ChangeFilters(ChangeFilter):
    """The filters of the page, and one for a single object."""

    object = LinkFilter(field_name="object_id")


class NetChangeFilters(NetChangeFilter):
    object = LinkFilter(field_name="object_id")


class RunChanges(mixins.ListModelMixin, GenericViewSet[Change]):
    queryset = Change.objects.none()
    serializer_class = ChangeSerializer
    filterset_class = ChangeFilters

    def get_queryset(self) -> QuerySet[Change]:
        if "pk" not in self.kwargs:  # the schema describes the call without a run
            return super().get_queryset()
        return records.of_run(get_object_or_404(SyncRun, pk=self.kwargs["pk"]))


class AskedSerializer(serializers.Serializer[Any]):
    start = serializers.DateField(required=False, help_text="Compare with the end of this day (UTC).")
    end = serializers.DateField(required=False, help_text="The end of this day (UTC), or now for today.")
    first_run = serializers.IntegerField(
        min_value=1, max_value=MAX_ID, required=False, help_text="Compare with the mirror after this sync run."
    )
    second_run = serializers.IntegerField(
        min_value=1, max_value=MAX_ID, required=False, help_text="A later sync run of the same smart account."
    )
    smart_account = serializers.IntegerField(
        min_value=1, max_value=MAX_ID, required=False, help_text="With days only. All smart accounts without it."
    )

    def validate_smart_account(self, number: int) -> SmartAccount:
        account = SmartAccount.objects.filter(pk=number).first()
        if account is None:
            raise serializers.ValidationError("There is no such smart account.")
        return account


class ComparisonBackend(StrictFilterBackend):
    """Compare what the parameters choose, and filter the result."""

    def filter_queryset(self, request: Request, queryset: Any, view: "SyncRunComparison") -> Any:
        check_known(request, self._known_parameters(view))
        names = AskedSerializer().fields
        asked = AskedSerializer(data={name: value for name, value in request.query_params.items() if name in names})
        asked.is_valid(raise_exception=True)
        view.found = compare(**asked.validated_data)
        return super().filter_queryset(request, view.found.rows.select_related("sync_run"), view)

    def _known_parameters(self, view: Any) -> set[str]:
        return super()._known_parameters(view) | set(AskedSerializer().fields)


class ComparisonCursor(Cursor):
    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        self.gaps = view.found.gaps
        return super().paginate_queryset(queryset, request, view)

    def get_paginated_response(self, data: Any) -> Response:
        answer = super().get_paginated_response(data)
        answer.data["gaps"] = GapSerializer(self.gaps, many=True).data
        return answer

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        found = super().get_paginated_response_schema(schema)
        found["required"].append("gaps")
        found["properties"]["gaps"] = GAPS
        return found


class SyncRunComparison(mixins.ListModelMixin, GenericViewSet[Change]):
    queryset = Change.objects.none()
    serializer_class = NetChangeSerializer
    filterset_class = NetChangeFilters
    filter_backends: Any = [ComparisonBackend]
    pagination_class = ComparisonCursor
    found: Comparison

    @extend_schema(parameters=[AskedSerializer])
    def list(self, request: Request) -> Response:
        """List what differs between the ends of two days, or after two sync runs of one smart account.

        Give `start` and `end`, or `first_run` and `second_run`. What changed and changed back is left out. `gaps` says
        for which smart accounts the portal knows nothing about the first part of the time.
        """
        return super().list(request)


ROUTES = [
    path("sync-runs/comparison/", SyncRunComparison.as_view({"get": "list"})),
    path("sync-runs/<int:pk>/changes/", RunChanges.as_view({"get": "list"})),
]
