"""Growth of customers in REST."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import mixins, serializers
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request
from rest_framework.viewsets import GenericViewSet

from kit.rest.fields import MAX_ID
from kit.rest.filters import PAGING, check_known
from licensing.figures.growth.forecasts import Outlook
from licensing.figures.growth.growth import Growth
from licensing.figures.growth.listing import Wanted
from licensing.figures.growth.recorded import not_recorded
from licensing.figures.models import FigureSettings
from licensing.figures.prices.price_list import Cost
from licensing.mirror.forecast import Unknown


class AmountSerializer(serializers.Serializer[Any]):
    currency = serializers.CharField(help_text="ISO 4217.")
    amount = serializers.DecimalField(max_digits=24, decimal_places=2)


class GrowthForecastSerializer(serializers.Serializer[Any]):
    use_low = serializers.IntegerField(help_text="At the slow end of the 95 % range.")
    use = serializers.IntegerField()
    use_high = serializers.IntegerField(help_text="At its fast end.")
    true_forward_low = serializers.IntegerField()
    true_forward = serializers.IntegerField(help_text="Use beyond the commitment, by the measure.")
    true_forward_high = serializers.IntegerField()
    pace = serializers.FloatField(help_text="Licenses a day.")


class GrowthSerializer(serializers.Serializer[Growth]):
    id = serializers.IntegerField(source="pk", help_text="The same for as long as the customer and the license are.")
    customer = serializers.IntegerField(allow_null=True, help_text="Null: what belongs to no customer.")
    customer_name = serializers.CharField()
    license_name = serializers.CharField(help_text="All spellings of a license count together.")
    as_of = serializers.DateField(source="day", help_text="The end of this day (UTC).")
    commitment = serializers.IntegerField(help_text="Ordered.")
    used = serializers.IntegerField()
    true_forward = serializers.IntegerField(
        help_text="Used beyond the commitment, after the customer's own licenses have served each other."
    )
    period_start = serializers.DateField(source="period.start")
    period_end = serializers.DateField(
        source="period.end", help_text="The last day before the anniversary, or of the term."
    )
    subscription_id = serializers.CharField(
        source="period.subscription_id", help_text="Whose anniversary it is. Empty: the calendar year."
    )
    recorded_from = serializers.DateField(
        allow_null=True, help_text="Null: the whole period is recorded. Otherwise from when on all of it is."
    )
    measure = serializers.ChoiceField(FigureSettings.Measure.choices)
    measured_use = serializers.IntegerField(help_text="By the measure, over the period so far.")
    growth = serializers.IntegerField(help_text="True forward by the measure, over the period so far.")
    forecast = serializers.SerializerMethodField(
        help_text="For the end of the period. Null where it is not known: see `unknown`."
    )
    unknown = serializers.SerializerMethodField(help_text="Why there is no forecast.")
    cost_per_month = serializers.SerializerMethodField(help_text="Of `true_forward`, a sum for each currency.")
    cost_so_far = serializers.SerializerMethodField(
        help_text="Of `growth`, for each month of the period that has begun, a sum for each currency."
    )
    unpriced = serializers.SerializerMethodField(help_text="Whether these sums lack a price, of a month at least.")

    @extend_schema_field(GrowthForecastSerializer(allow_null=True))
    def get_forecast(self, row: Growth) -> Any:
        return GrowthForecastSerializer(row.outlook).data if isinstance(row.outlook, Outlook) else None

    def get_unknown(self, row: Growth) -> str:
        return row.outlook.why if isinstance(row.outlook, Unknown) else ""

    @extend_schema_field(AmountSerializer(many=True))
    def get_cost_per_month(self, row: Growth) -> Any:
        return amounts(row.cost_per_month)

    @extend_schema_field(AmountSerializer(many=True))
    def get_cost_so_far(self, row: Growth) -> Any:
        return amounts(row.cost_so_far)

    def get_unpriced(self, row: Growth) -> bool:
        return not (row.cost_per_month.is_whole and row.cost_so_far.is_whole)


def amounts(cost: Cost) -> Any:
    return AmountSerializer([{"currency": name, "amount": amount} for name, amount in cost.sums], many=True).data


class WantedSerializer(serializers.Serializer[Any]):
    customer = serializers.IntegerField(min_value=1, max_value=MAX_ID, required=False)
    license_name = serializers.CharField(max_length=300, required=False)
    as_of = serializers.DateField(required=False)


class GrowthBackend(BaseFilterBackend):
    """Filter rows that are no QuerySet, with which django-filter cannot work."""

    def filter_queryset(self, request: Request, queryset: Any, view: Any) -> Any:
        check_known(request, PAGING | {"customer", "license_name", "as_of"})
        asked = WantedSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        found = asked.validated_data
        if day := found.get("as_of"):
            not_recorded(day)
        return Wanted(found.get("as_of"), found.get("customer"), found.get("license_name", ""))

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        link = {"type": "integer", "minimum": 1, "maximum": MAX_ID}
        name = {"type": "string", "minLength": 1, "maxLength": 300}
        day = {"type": "string", "format": "date"}
        known = (("customer", link), ("license_name", name), ("as_of", day))
        return [{"name": name, "in": "query", "required": False, "schema": schema} for name, schema in known]


class GrowthRows(mixins.ListModelMixin, GenericViewSet[Any]):
    """True forward and growth by customer and license, up to the anniversary, with a forecast and costs."""

    serializer_class = GrowthSerializer
    filter_backends: Any = [GrowthBackend]

    def get_queryset(self) -> Any:
        return Wanted()
