"""Search and filters of the price list."""

import django_filters
from django.db.models import QuerySet
from django.utils import timezone

from kit.filters import ListFilter
from licensing.figures.models import Price
from licensing.figures.prices.saving import valid_on


class PriceFilter(ListFilter):
    searched = ("license_name", "license", "currency")
    placeholder = "Search license or currency"

    valid = django_filters.ChoiceFilter(
        label="Prices",
        empty_label="All",
        choices=[("now", "Valid today"), ("later", "Valid later")],
        method="keep_valid",
    )

    class Meta:
        model = Price
        fields = ("q", "valid")

    def keep_valid(self, rows: QuerySet[Price], name: str, value: str) -> QuerySet[Price]:
        today = timezone.localdate()
        return valid_on(rows, today) if value == "now" else rows.filter(valid_from__gt=today)
