"""The tables of figures: the partner's price list, and how growth is measured."""

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from licensing.allocation.engine import license_of
from licensing.allocation.license_names import CURRENT

ISO_4217 = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY COP
CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR
IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU
MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG
SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV
WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
"""
CURRENCIES = frozenset(ISO_4217.split())


def check_currency(value: str) -> None:
    """Refuse what is not a currency of ISO 4217: a misspelled one would be a price list of its own."""
    if value not in CURRENCIES:
        raise ValidationError("Enter a currency of ISO 4217 in three letters, for example EUR or USD.")


class Price(models.Model):
    """What one license costs a month from `valid_from` on, until a later price in the same currency begins.

    All columns are the partner's own. `license` is what tells licenses apart (licensing.allocation.engine.license_of),
    so that one price serves every spelling of a license. Each currency is a price list of its own.
    """

    license_name = models.CharField("license", max_length=300)
    license = models.CharField(max_length=300, blank=True, editable=False)
    currency = models.CharField(max_length=3, validators=[check_currency])
    amount = models.DecimalField(
        "price a month",
        max_digits=14,
        decimal_places=4,
        validators=[MinValueValidator(0, "Enter an amount of at least 0.")],
    )
    valid_from = models.DateField(default=timezone.localdate)

    OWN = ("license_name", "currency", "amount", "valid_from")

    class Meta:
        ordering = ["license_name", "currency", "-valid_from", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["license", "currency", "valid_from"],
                name="one_price_per_license_currency_and_day",
                violation_error_message="This license already has a price in this currency from that day on.",
            ),
            models.CheckConstraint(condition=Q(amount__gte=0), name="price_is_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.license_name}: {self.currency} {self.amount.normalize():f}"

    def clean(self) -> None:
        """Set `license` from the name, so that every spelling of a license has the same."""
        self.license_name = " ".join(self.license_name.split())
        self.license = license_of(self.license_name, CURRENT)


class FigureSettings(models.Model):
    """The partner's choices for figures: one row, or none while nothing has been chosen."""

    class Measure(models.TextChoices):
        PEAK = "peak", "Peak"
        AVERAGE = "average", "Average"
        END_OF_MONTH = "end_of_month", "End of month"

    id = models.SmallIntegerField(primary_key=True, default=1, editable=False)
    measure = models.CharField("measure of growth", max_length=12, choices=Measure, default=Measure.PEAK)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_row_of_figure_settings")]

    def __str__(self) -> str:
        return "Figure settings"
