"""Out-of-compliance clocks in REST."""

from typing import Any

import django_filters
from django.db import transaction
from rest_framework import mixins, serializers
from rest_framework.viewsets import ReadOnlyModelViewSet

from kit.rest.fields import Link, RecordedOnly, Strict
from kit.rest.filters import LinkFilter
from kit.rest.paging import PastCursor
from licensing.alerts import overages
from licensing.alerts.filters import OveragesPast
from licensing.alerts.models import Overage
from people import audit
from people.gate import Need
from people.models import User

START_FIELDS = (
    "since",
    "since_reason",
    "recorded_since",
    "since_at_latest",
    "since_corrected_at",
    "since_corrected_by",
)
START_SENT = ("since", "since_reason")
REST_FIELDS = ("ended_at", "ends", "days_left", "owner", "note")


class OverageSerializer(RecordedOnly, Strict, serializers.ModelSerializer[Overage]):
    unrecorded = ("owner", "note")
    virtual_account = serializers.IntegerField(source="license.virtual_account_id", read_only=True)
    since = serializers.DateTimeField(
        allow_null=True,
        required=False,
        help_text="The start that counts. Send it with `since_reason` to correct it; null returns to `recorded_since`.",
    )
    since_reason = serializers.CharField(
        allow_blank=True,
        required=False,
        max_length=overages.REASON_LENGTH,
        help_text="Why the start was corrected. Empty: it stands as recorded.",
    )
    recorded_since = serializers.DateTimeField(
        source="recorded_start", read_only=True, help_text="The start that the syncs recorded."
    )
    since_at_latest = serializers.BooleanField(
        source="starts_before",
        read_only=True,
        help_text="The first sync already found the shortage, so it began before `since`. False once it is corrected.",
    )
    ends = serializers.DateTimeField(read_only=True, help_text="When products begin to block new users and devices.")
    days_left = serializers.IntegerField(
        read_only=True, help_text="Days by date, in the time zone of the portal; negative when the time is over."
    )
    owner = Link(User, required=False, allow_null=True)

    class Meta:
        model = Overage
        fields = ["id", "license", "virtual_account", *START_FIELDS, *REST_FIELDS]
        read_only_fields = ["license", "ended_at", "since_corrected_at", "since_corrected_by"]


class OverageFilters(OveragesPast):
    license = LinkFilter()
    virtual_account = LinkFilter(field_name="license__virtual_account")
    smart_account = LinkFilter(field_name="license__virtual_account__smart_account")
    owner = LinkFilter()
    state = django_filters.ChoiceFilter(choices=[("running", "Running"), ("ended", "Ended")], method="filter_state")

    def filter_state(self, queryset: Any, name: str, value: str) -> Any:
        return queryset.filter(ended_at__isnull=value == "running")


class Overages(mixins.UpdateModelMixin, ReadOnlyModelViewSet[Overage]):
    """List how long each license is, or was, out of compliance. Set its owner and note, and correct its start.

    With `as_of`: the clocks that ran on that day, without owner and note.
    """

    queryset = Overage.objects.select_related("license", "owner")
    serializer_class = OverageSerializer
    filterset_class = OverageFilters
    pagination_class = PastCursor
    write_need = Need.OPERATE
    http_method_names = ["get", "head", "patch"]

    @transaction.atomic
    def perform_update(self, serializer: Any) -> None:
        actor, row, values = audit.actor_of(self.request), serializer.instance, serializer.validated_data
        if values.keys() & {"owner", "note"}:
            row = overages.take_care(actor, row, values.get("owner", row.owner), values.get("note", row.note))
        if values.keys() & {"since", "since_reason"}:
            row = overages.change_start(actor, row, **{name: values[name] for name in START_SENT if name in values})
        serializer.instance = row
