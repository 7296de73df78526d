"""Define the form of "What if?": which clusters and users are added, moved or removed, and where."""

from typing import Any

from django import forms

from kit.forms.fields import ClusterField, PoolField
from licensing.allocation.license_names import CURRENT
from licensing.allocation.what_if import MOST, Action
from licensing.fleet.models import Cluster
from licensing.mirror.models import License, VirtualAccount

LINES, MOST_LINES = 3, 50
NAMES_SHOWN = 500  # in the list that helps to type a license's name


class ClustersField(forms.ModelMultipleChoiceField):
    label_from_instance = ClusterField.label_from_instance


class WhatIfForm(forms.Form):
    action = forms.ChoiceField(
        label="Action",
        widget=forms.RadioSelect,
        choices=[
            (Action.ADD, "Add clusters or users"),
            (Action.MOVE, "Move from one virtual account to another"),
            (Action.REMOVE, "Remove clusters or users"),
        ],
        initial=Action.ADD,
    )
    clusters = ClustersField(
        queryset=Cluster.objects.select_related("customer").order_by("customer__name", "name"),
        required=False,
        widget=forms.SelectMultiple(attrs={"size": 7}),
        help_text="Each counts with what its product instances use now, wherever they are registered.",
    )
    virtual_account = PoolField(queryset=VirtualAccount.objects.none(), required=False, label="To", empty_label="None")
    source = PoolField(
        queryset=VirtualAccount.objects.none(),
        required=False,
        label="From",
        empty_label="None (new users)",
        help_text="Only for users that you move or remove. The portal knows where clusters are.",
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        pools = VirtualAccount.objects.present().select_related("smart_account").order_by("smart_account__name", "name")
        for name in ("virtual_account", "source"):
            self.fields[name].queryset = pools  # type: ignore[attr-defined]


class UsersForm(forms.Form):
    """A line holds a number of users of one license."""

    license = forms.CharField(max_length=300, required=False, widget=forms.TextInput(attrs={"list": "license-names"}))
    number = forms.IntegerField(min_value=1, max_value=MOST, required=False)

    def clean(self) -> dict[str, Any]:
        values = self.cleaned_data
        if values.get("number") and not values.get("license"):
            self.add_error("license", "Enter the license.")
        if values.get("license") and not values.get("number") and "number" not in self.errors:
            self.add_error("number", "Enter the number of users.")
        return values


UsersFormSet = forms.formset_factory(UsersForm, extra=LINES, max_num=MOST_LINES, validate_max=True)


def users_of(lines: Any) -> dict[str, int]:
    """Return the number of users per license. Lines of the same license are added up."""
    users: dict[str, int] = {}
    for line in lines.cleaned_data:
        if line.get("license"):
            users[line["license"]] = users.get(line["license"], 0) + line["number"]
    return users


def license_names() -> list[str]:
    """Return the license names to choose from: those that the virtual accounts hold, then Cisco's others."""
    known = [CURRENT.display_name(tag) for tag in CURRENT.names if CURRENT.family_of(tag)]
    held = License.objects.present().order_by("name").values_list("name", flat=True).distinct()[:NAMES_SHOWN]
    return list(dict.fromkeys([*held, *known]))
