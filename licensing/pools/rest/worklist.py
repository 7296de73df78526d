"""The worklist."""

from typing import Any

from rest_framework import mixins, serializers
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request
from rest_framework.viewsets import GenericViewSet

from kit.rest.fields import MAX_ID
from kit.rest.filters import PAGING, check_known
from licensing.pools.worklist import Item, Items
from licensing.pools.worklist_words import Reason


class ItemSerializer(serializers.Serializer[Item]):
    id = serializers.IntegerField(help_text="The same for as long as this reason and row are.")
    reason = serializers.ChoiceField(Reason.choices)
    subject_type = serializers.ChoiceField([(name, name) for name in ("license", "product_instance", "order")])
    subject_id = serializers.IntegerField()
    subject = serializers.CharField()
    virtual_account = serializers.IntegerField()
    smart_account = serializers.IntegerField()
    licenses = serializers.IntegerField(help_text="How many licenses are concerned.")
    text = serializers.CharField(help_text="Why it is here.")
    next_step = serializers.CharField(help_text="What to do.")
    as_of = serializers.DateTimeField(allow_null=True)


class AskedSerializer(serializers.Serializer[Any]):
    reason = serializers.ChoiceField(Reason.choices, required=False)
    smart_account = serializers.IntegerField(min_value=1, max_value=MAX_ID, required=False)


class WorklistBackend(BaseFilterBackend):
    """The rows are no QuerySet, so django-filter has nothing to work on."""

    def filter_queryset(self, request: Request, queryset: Any, view: Any) -> Any:
        check_known(request, PAGING | {"reason", "smart_account"})
        asked = AskedSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        reason, account = asked.validated_data.get("reason"), asked.validated_data.get("smart_account")
        return Items((Reason(reason),) if reason else (), account)

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        link = {"type": "integer", "minimum": 1, "maximum": MAX_ID}
        return [
            {"name": "reason", "in": "query", "required": False, "schema": {"type": "string", "enum": Reason.values}},
            {"name": "smart_account", "in": "query", "required": False, "schema": link},
        ]


class Worklist(mixins.ListModelMixin, GenericViewSet[Any]):
    """The worklist is computed from the mirror at each call."""

    serializer_class = ItemSerializer
    filter_backends: Any = [WorklistBackend]

    def get_queryset(self) -> Any:
        return Items()
