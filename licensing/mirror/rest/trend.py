"""Serialize the days of a license and its forecast."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from licensing.mirror.forecast import Forecast, Unknown
from licensing.mirror.models import UsageSample
from licensing.mirror.trend import Trend

OUT = "First day on which more is in use than owned. Null: not within five years."


class SampleSerializer(serializers.ModelSerializer[UsageSample]):
    class Meta:
        model = UsageSample
        fields = ["day", "quantity", "in_use", "available", "reserved"]


class EndingSerializer(serializers.Serializer[Any]):
    day = serializers.DateField(help_text="Last day of the term.")
    quantity = serializers.IntegerField()


class ForecastSerializer(serializers.Serializer[Any]):
    date = serializers.DateField(allow_null=True, help_text=OUT)
    earliest = serializers.DateField(allow_null=True, help_text="At the fast end of the 95 % range.")
    latest = serializers.DateField(allow_null=True, help_text="At its slow end.")
    pace = serializers.FloatField(help_text="Licenses a day.")
    since = serializers.DateField()
    samples = serializers.IntegerField()


class GapSerializer(serializers.Serializer[Any]):
    last_day = serializers.DateField(help_text="The last day that is covered.")
    short = serializers.IntegerField(help_text="Short from then on.")


class TrendSerializer(serializers.Serializer[Any]):
    samples = SampleSerializer(many=True)
    endings = serializers.SerializerMethodField(help_text="Ends of future terms.")
    forecast = serializers.SerializerMethodField(help_text="Null where it is not known: see `unknown`.")
    unknown = serializers.SerializerMethodField(help_text="Why there is no forecast.")
    gap = serializers.SerializerMethodField(help_text="If no term is renewed and use stays as it is.")

    @extend_schema_field(EndingSerializer(many=True))
    def get_endings(self, found: Trend) -> Any:
        return EndingSerializer([{"day": day, "quantity": quantity} for day, quantity in found.endings], many=True).data

    @extend_schema_field(ForecastSerializer(allow_null=True))
    def get_forecast(self, found: Trend) -> Any:
        return ForecastSerializer(found.forecast).data if isinstance(found.forecast, Forecast) else None

    def get_unknown(self, found: Trend) -> str:
        return found.forecast.why if isinstance(found.forecast, Unknown) else ""

    @extend_schema_field(GapSerializer(allow_null=True))
    def get_gap(self, found: Trend) -> Any:
        return GapSerializer({"last_day": found.gap[0], "short": found.gap[1]}).data if found.gap else None
