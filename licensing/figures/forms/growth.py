"""Forms for the list of growth and for its measure."""

from typing import Any

from django import forms

from kit.filters import SEARCH
from licensing.allocation.license_names import CURRENT
from licensing.figures.models import FigureSettings
from licensing.fleet.models import Customer


class GrowthFilterForm(forms.Form):
    q = forms.CharField(required=False, label="Search", widget=SEARCH)
    customer = forms.ModelChoiceField(Customer.objects.all(), required=False, empty_label="Any")
    license = forms.ChoiceField(required=False)
    show = forms.ChoiceField(
        required=False, label="Rows", choices=[("", "All"), ("growing", "With true forward or growth")]
    )
    as_of = forms.DateField(required=False, label="At the end of", widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, data: Any, names: list[str]) -> None:
        """`names` are the licenses to offer."""
        super().__init__(data)
        self.fields["q"].widget.attrs["placeholder"] = "Search customer or license"
        offered = dict.fromkeys([*names, str(data.get("license", ""))]) if data.get("license") else names
        self.fields["license"].choices = [("", "Any"), *((name, _shown(name)) for name in offered)]  # type: ignore[attr-defined]


def _shown(name: str) -> str:
    tag = CURRENT.find(name)
    return CURRENT.display_name(tag) if tag else name


class MeasureForm(forms.Form):
    measure = forms.ChoiceField(choices=FigureSettings.Measure.choices, widget=forms.RadioSelect)
