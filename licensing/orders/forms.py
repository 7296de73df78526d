"""Forms for an order and its lines."""

from typing import Any

from django import forms
from django.http import QueryDict

from kit.forms.fields import say_where_to_begin
from licensing.mirror.models import VirtualAccount
from licensing.orders.models import Order
from licensing.orders.saving import ENTERED, LineSpec

MORE_LINES = 3
MOST_LINES = 200


class OrderForm(forms.ModelForm):
    class Meta:
        model = Order
        fields = ENTERED
        widgets = {name: forms.DateInput(attrs={"type": "date"}) for name in ("ordered_on", "renewal_on")}
        help_texts = {
            "number": "Deposits name a purchase by its subscription or by its order number. Enter at least one.",
            "virtual_account": "Where Cisco should deposit the licenses. Empty: in the operational pool.",
        }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        pools = VirtualAccount.objects.present().select_related("smart_account")
        pools = pools.order_by("smart_account__name", "smart_account__domain", "name")
        field: Any = self.fields["virtual_account"]
        field.queryset = pools
        field.label_from_instance = lambda pool: f"{pool} in {pool.smart_account}"
        field.empty_label = "The operational pool"
        say_where_to_begin(
            self.fields["smart_account"], "There is no smart account yet:", "smart-account-add", "add the first"
        )

    def _post_clean(self) -> None:
        """Leave the row alone: the verb checks and fills it, and refused values must not stand in it."""


class LineForm(forms.Form):
    license_name = forms.CharField(
        max_length=300, required=False, label="License", widget=forms.TextInput(attrs={"list": "license-names"})
    )
    quantity = forms.IntegerField(min_value=1, max_value=2**31 - 1, required=False)

    def clean(self) -> dict[str, Any]:
        values = self.cleaned_data
        if values.get("license_name") and not values.get("quantity") and "quantity" not in self.errors:
            self.add_error("quantity", "Enter how many were ordered.")
        if values.get("quantity") and not values.get("license_name") and "license_name" not in self.errors:
            self.add_error("license_name", "Enter the license, or clear the quantity.")
        return values


LineFormSet = forms.formset_factory(LineForm, extra=MORE_LINES, max_num=MOST_LINES, validate_max=True)


def line_rows(posted: QueryDict) -> QueryDict | None:
    """Return the posted rows. With `more` in the post, empty rows are added and nothing is lost."""
    if not posted:
        return None
    rows = posted.copy()
    if "more" in rows:
        total = str(rows.get("lines-TOTAL_FORMS", ""))
        known = int(total) if total.isdecimal() and len(total) < 5 else 0
        rows["lines-TOTAL_FORMS"] = str(min(known, MOST_LINES - MORE_LINES) + MORE_LINES)
    return rows


def specs_of(lines: Any) -> list[LineSpec]:
    return [
        LineSpec(values["license_name"], values["quantity"])
        for values in lines.cleaned_data
        if values.get("license_name")
    ]
