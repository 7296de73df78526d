"""Pages of growth: the list by customer and license, its files, and the choice of the measure."""

from collections.abc import Iterator
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from kit import files
from kit.forms.pages import DONE, attempt, form_page
from kit.lists import PER_PAGE
from kit.refusals import Refusal
from licensing.figures.forms.growth import GrowthFilterForm, MeasureForm
from licensing.figures.growth import growth as figures
from licensing.figures.growth import recorded, settings
from licensing.figures.growth.forecasts import Outlook
from licensing.figures.growth.growth import Growth, totals
from licensing.figures.growth.listing import Wanted
from licensing.figures.models import FigureSettings
from licensing.figures.prices.saving import license_names
from people.audit import actor_of
from people.gate import Need, needs

HERE = ("Growth", "/growth/")
COLUMNS = ("Customer", "License", "As of", "Commitment", "In use", "True forward", "Period start", "Period end")
MEASURED = ("Subscription", "Recorded from", "Measure", "Measured use", "Growth")
FORECAST = ("Expected use", "Lowest use", "Highest use", "Expected true forward", "Lowest", "Highest", "No forecast")


@needs(Need.READ)
def growth(request: HttpRequest) -> HttpResponse:
    """`?format=csv` or `xlsx` is everything that fits, as a file."""
    form = GrowthFilterForm(request.GET, license_names())
    wanted, unrecorded = _wanted(form), list[str]()
    try:
        unrecorded = recorded.not_recorded(wanted.day) if wanted and wanted.day else []
    except Refusal as refusal:
        form.add_error("as_of", str(refusal))
        wanted = None
    rows = wanted.rows if wanted else []
    if format_ := files.requested_format(request):
        return files.answer(_file_rows(rows), "growth", format_)
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    day = (wanted and wanted.day) or figures.today()
    context: dict[str, Any] = {
        "filter": SimpleNamespace(form=form),
        "filtered": any(request.GET.get(name) for name in form.fields),
        "fault": " ".join(str(sentence) for sentences in form.errors.values() for sentence in sentences),
        "not_recorded": unrecorded,
        "page": page,
        "day": day,
        "is_past": day < figures.today(),
        "synced_at": wanted and wanted.synced_at,
        "totals": totals(rows),
        "measure": FigureSettings.Measure(settings.current().measure),
        "downloads": files.links(request),
    }
    return render(request, "figures/growth/growth.html", context)


@needs(Need.OWN)
def growth_settings(request: HttpRequest) -> HttpResponse:
    stored = settings.current()
    form = MeasureForm(request.POST or None, initial={"measure": stored.measure})
    status, saved = attempt(
        request, form, lambda: settings.save_measure(actor_of(request), form.cleaned_data["measure"])
    )
    if status == DONE and saved is not None:
        messages.success(request, f"Growth is now measured by {saved.get_measure_display().lower()}.")
        return redirect("growth")
    return form_page(
        request,
        form,
        heading="Measure of growth",
        cancel=reverse("growth"),
        crumbs=[HERE],
        status=status,
        submit="Save measure",
        template="figures/growth/settings.html",
    )


def _wanted(form: GrowthFilterForm) -> Wanted | None:
    """Return what is asked for; None where a filter's value is invalid, because ignoring it would mislead."""
    if not form.is_valid():
        return None
    asked = form.cleaned_data
    return Wanted(
        day=asked["as_of"],
        customer=asked["customer"].pk if asked["customer"] else None,
        license_name=asked["license"],
        search=asked["q"],
        growing=asked["show"] == "growing",
    )


def _file_rows(rows: list[Growth]) -> Iterator[list[Any]]:
    currencies = sorted({name for row in rows for cost in _costs(row) for name in cost})
    sums = [f"{what} {currency}" for currency in currencies for what in ("Cost per month", "Cost so far")]
    yield [*COLUMNS, *MEASURED, *FORECAST, *sums, "No price"]
    for row in rows:
        yield [*_figures(row), *_forecast(row), *_sums(row, currencies), row.license_name if _unpriced(row) else ""]


def _figures(row: Growth) -> list[Any]:
    now = [row.customer_name, row.license_name, row.day, row.commitment, row.used, row.true_forward]
    period = [row.period.start, row.period.end, row.period.subscription_id, row.recorded_from or ""]
    return [*now, *period, row.measure, row.measured_use, row.growth]


def _forecast(row: Growth) -> list[Any]:
    found = row.outlook
    if not isinstance(found, Outlook):
        return ["", "", "", "", "", "", found.why]
    beyond = [found.true_forward, found.true_forward_low, found.true_forward_high]
    return [found.use, found.use_low, found.use_high, *beyond, ""]


def _costs(row: Growth) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
    return dict(row.cost_per_month.sums), dict(row.cost_so_far.sums)


def _sums(row: Growth, currencies: list[str]) -> list[Any]:
    return [cost.get(currency, "") for currency in currencies for cost in _costs(row)]


def _unpriced(row: Growth) -> bool:
    return not (row.cost_per_month.is_whole and row.cost_so_far.is_whole)
