"""Forms for what people decide about mirrored rows."""

from typing import Any

from django import forms
from django.db.models import Q

from licensing.fleet.models import Cluster
from licensing.mirror.models import ProductInstance, VirtualAccount
from people.models import User

NOTE = forms.Textarea(attrs={"rows": 3})


class VirtualAccountForm(forms.Form):
    purpose = forms.ChoiceField(
        choices=VirtualAccount.Purpose.choices,
        help_text="A smart account has at most one ordered pool, for purchases, and one operational pool.",
    )
    license_mode = forms.ChoiceField(
        choices=VirtualAccount.LicenseMode.choices,
        required=False,
        help_text="The licenses that its clusters use. You cannot change it while clusters are assigned.",
    )
    cost_center = forms.CharField(required=False, max_length=100, label="Cost center")
    region = forms.CharField(required=False, max_length=100)
    note = forms.CharField(required=False, widget=NOTE)

    def __init__(self, row: VirtualAccount, data: Any = None) -> None:
        super().__init__(data, initial={name: getattr(row, name) for name in row.OWN})
        self.fields["owner"] = forms.ModelChoiceField(
            queryset=User.objects.filter(Q(is_active=True) | Q(pk=row.owner_id)).order_by("email"),
            required=False,
            empty_label="Nobody",
            help_text="The person responsible for this pool.",
        )
        self.order_fields(row.OWN)


class ProductInstanceForm(forms.Form):
    """Choose how an instance gets its cluster: by host name and serial, by hand, or not at all."""

    BY_NAME, BY_HAND, NONE = "match", "cluster", "none"

    decide = forms.ChoiceField(
        label="Which cluster it belongs to",
        widget=forms.RadioSelect,
        choices=[
            (BY_NAME, "Found by serial number and host name, again after each sync"),
            (BY_HAND, "The cluster chosen below"),
            (NONE, "None"),
        ],
    )
    cluster = forms.ModelChoiceField(
        queryset=Cluster.objects.select_related("customer").order_by("customer__name", "name"),
        required=False,
        empty_label="Choose a cluster",
    )
    note = forms.CharField(required=False, widget=NOTE)

    def __init__(self, row: ProductInstance, data: Any = None) -> None:
        by_hand = self.BY_HAND if row.cluster_id else self.NONE
        decide = by_hand if row.cluster_by_hand else self.BY_NAME
        super().__init__(data, initial={"decide": decide, "cluster": row.cluster_id, "note": row.note})
        chooser = self.fields["cluster"]
        chooser.label_from_instance = lambda cluster: f"{cluster.customer}: {cluster}"  # type: ignore[attr-defined]

    def clean(self) -> dict[str, object]:
        cleaned: dict[str, object] = super().clean() or {}
        if cleaned.get("decide") == self.BY_HAND and not cleaned.get("cluster") and "cluster" not in self.errors:
            self.add_error("cluster", "Choose the cluster that this product instance belongs to.")
        return cleaned

    def wanted(self) -> dict[str, Any]:
        """Return the values that matching.save_product_instance takes."""
        values = self.cleaned_data
        if values["decide"] == self.BY_NAME:
            return {"cluster_by_hand": False, "note": values["note"]}
        return {"cluster": values["cluster"] if values["decide"] == self.BY_HAND else None, "note": values["note"]}
