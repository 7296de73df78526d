"""How the partner measures growth, as its contracts say."""

from django.db import transaction

from kit.refusals import Refusal
from licensing.figures.models import FigureSettings
from people import audit
from people.audit import Actor


def current() -> FigureSettings:
    return FigureSettings.objects.first() or FigureSettings()


@transaction.atomic
def save_measure(actor: Actor, measure: str) -> FigureSettings:
    """Choose the measure of growth. Raise Refusal for an unknown one."""
    if measure not in FigureSettings.Measure.values:
        choices = ", ".join(FigureSettings.Measure.values)
        raise Refusal(f"{measure!r} is not a measure of growth.", f"Choose one of {choices}.", "measure")
    row, _ = FigureSettings.objects.select_for_update().get_or_create(pk=1)
    audit.change(actor, "changed", row, measure=measure)
    return row
