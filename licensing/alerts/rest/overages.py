"""Out-of-compliance clocks in REST."""

from typing import Any

import django_filters
from rest_framework import mixins, serializers
from rest_framework.viewsets import ReadOnlyModelViewSet

from kit.rest.fields import Link, Strict
from kit.rest.filters import LinkFilter
from licensing.alerts import overages
from licensing.alerts.models import Overage
from people import audit
from people.gate import Need
from people.models import User


class OverageSerializer(Strict, serializers.ModelSerializer[Overage]):
    virtual_account = serializers.IntegerField(source="license.virtual_account_id", read_only=True)
    ends = serializers.DateTimeField(read_only=True, help_text="When products begin to block new users and devices.")
    days_left = serializers.IntegerField(read_only=True)
    owner = Link(User, required=False, allow_null=True)

    class Meta:
        model = Overage
        fields = ["id", "license", "virtual_account", "since", "ended_at", "ends", "days_left", "owner", "note"]
        read_only_fields = ["license", "since", "ended_at"]


class OverageFilters(django_filters.FilterSet):
    license = LinkFilter()
    virtual_account = LinkFilter(field_name="license__virtual_account")
    smart_account = LinkFilter(field_name="license__virtual_account__smart_account")
    owner = LinkFilter()
    state = django_filters.ChoiceFilter(choices=[("running", "Running"), ("ended", "Ended")], method="filter_state")

    def filter_state(self, queryset: Any, name: str, value: str) -> Any:
        return queryset.filter(ended_at__isnull=value == "running")


class Overages(mixins.UpdateModelMixin, ReadOnlyModelViewSet[Overage]):
    """List how long each license is, or was, out of compliance. `owner` and `note` are the partner's own."""

    queryset = Overage.objects.select_related("license", "owner")
    serializer_class = OverageSerializer
    filterset_class = OverageFilters
    write_need = Need.OPERATE
    http_method_names = ["get", "head", "patch"]

    def perform_update(self, serializer: Any) -> None:
        row, values = serializer.instance, serializer.validated_data
        owner, note = values.get("owner", row.owner), values.get("note", row.note)
        serializer.instance = overages.take_care(audit.actor_of(self.request), row, owner, note)
