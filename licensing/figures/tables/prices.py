"""The price list. As a file it is the one that can be imported again."""

from datetime import date
from decimal import Decimal

import django_tables2 as tables
from django.utils.formats import date_format

from kit.tables import NUMERIC, PortalTable, TitleColumn


class PriceTable(PortalTable):
    license_name = TitleColumn("price", verbose_name="License")
    currency = tables.Column()
    amount = tables.Column(verbose_name="Price a month", attrs=NUMERIC)
    valid_from = tables.Column()

    class Meta:
        order_by = "license_name"

    def render_amount(self, value: Decimal) -> str:
        return amount_words(value)

    def value_amount(self, value: Decimal) -> Decimal:
        return value.normalize() if value == value.to_integral() else value

    def render_valid_from(self, value: date) -> str:
        return date_format(value, "j M Y")

    def value_valid_from(self, value: date) -> date:
        return value


def amount_words(value: Decimal) -> str:
    """Write an amount with at least two decimals and its thousands apart: 1,234.50."""
    plain = value.normalize()
    decimals = max(-int(plain.as_tuple().exponent), 2)
    return f"{value:,.{decimals}f}"
