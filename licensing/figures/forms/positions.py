"""The filters of positions."""

from datetime import date
from typing import Any

from django import forms

from kit.filters import SEARCH
from licensing.accounts.models import SmartAccount
from licensing.fleet.models import Customer
from licensing.mirror.models import VirtualAccount


def as_of_field() -> forms.DateField:
    return forms.DateField(
        required=False,
        label="As of",
        widget=forms.DateInput(attrs={"type": "date"}),
        error_messages={"invalid": "Enter a date as YYYY-MM-DD."},
    )


class AsOfForm(forms.Form):
    as_of = as_of_field()


class PositionsForm(forms.Form):
    q = forms.CharField(required=False, label="Search", widget=SEARCH)
    by = forms.ChoiceField(
        required=False,
        choices=[(name, name) for name in ("license", "customer", "cluster", "virtual_account")],
        widget=forms.HiddenInput,
    )
    smart_account = forms.ModelChoiceField(
        SmartAccount.objects.all(), required=False, label="Smart account", empty_label="All"
    )
    virtual_account = forms.ModelChoiceField(VirtualAccount.objects.all(), required=False, widget=forms.HiddenInput)
    customer = forms.ModelChoiceField(Customer.objects.all(), required=False, widget=forms.HiddenInput)
    as_of = as_of_field()

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        self.fields["q"].widget.attrs["placeholder"] = "Search name or license"

    def value(self, name: str) -> Any:
        """Return a valid value, None where the field is empty or invalid."""
        return self.cleaned_data.get(name) if self.is_valid() else None

    def link(self, name: str) -> int | None:
        found = self.value(name)
        return found.pk if found else None

    @property
    def day(self) -> date | None:
        found: date | None = self.value("as_of")
        return found
