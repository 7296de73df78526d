"""The price list in REST."""

from typing import Any

import django_filters
from rest_framework import serializers
from rest_framework.viewsets import ModelViewSet

from kit.rest.fields import Strict
from licensing.allocation.engine import license_of
from licensing.allocation.license_names import CURRENT
from licensing.figures.models import Price
from licensing.figures.prices import saving
from people import audit
from people.gate import Need


class PriceSerializer(Strict, serializers.ModelSerializer[Price]):
    """`license_name` may be any spelling of the license; a price serves all of them."""

    currency = serializers.RegexField(
        "^[A-Za-z]{3}$", max_length=3, min_length=3, help_text="Three letters of ISO 4217."
    )
    amount = serializers.DecimalField(
        max_digits=14, decimal_places=4, min_value=0, help_text="For one license and month, as a text such as 2.5000."
    )

    class Meta:
        model = Price
        fields = ["id", *Price.OWN]
        validators: list[Any] = []  # the verb says it


class PriceFilters(django_filters.FilterSet):
    license_name = django_filters.CharFilter(method="of_license", help_text="In any of its spellings.")
    currency = django_filters.CharFilter(lookup_expr="iexact")

    def of_license(self, rows: Any, name: str, value: str) -> Any:
        return rows.filter(license=license_of(value, CURRENT))


class Prices(ModelViewSet[Price]):
    """What a license costs a month, from a day on. Each currency is a price list of its own."""

    queryset = Price.objects.all()
    serializer_class = PriceSerializer
    filterset_class = PriceFilters
    write_need = Need.OPERATE

    def perform_create(self, serializer: Any) -> None:
        serializer.instance = self._save(Price(), serializer.validated_data, None)

    def perform_update(self, serializer: Any) -> None:
        before = audit.snapshot(serializer.instance)
        self._save(serializer.instance, serializer.validated_data, before)

    def perform_destroy(self, instance: Price) -> None:
        saving.delete_price(audit.actor_of(self.request), instance)

    def _save(self, row: Price, values: dict[str, Any], before: dict[str, Any] | None) -> Price:
        for name, value in values.items():
            setattr(row, name, value)
        return saving.save_price(audit.actor_of(self.request), row, before)
