"""Forms for transfers and overages."""

from typing import Any

from django import forms
from django.db.models import Q, QuerySet

from licensing.models import Overage, VirtualAccount
from people.models import Role, User


class TransferForm(forms.Form):
    quantity = forms.IntegerField(label="How many", min_value=1, max_value=2**31 - 1)
    reason = forms.CharField(
        required=False, max_length=500, label="What for", help_text="For whoever reviews the plan."
    )

    def __init__(self, pools: QuerySet[VirtualAccount], data: Any = None, initial: Any = None) -> None:
        super().__init__(data, initial=initial)
        self.fields["target"] = forms.ModelChoiceField(
            queryset=pools.order_by("name"), label="To", empty_label="Choose a virtual account"
        )
        self.order_fields(["target", "quantity", "reason"])


class OverageForm(forms.Form):
    note = forms.CharField(
        required=False, widget=forms.Textarea(attrs={"rows": 3}), help_text="What is being done, and until when."
    )

    def __init__(self, row: Overage, data: Any = None) -> None:
        super().__init__(data, initial={"owner": row.owner_id, "note": row.note})
        able = Q(is_active=True) & ~Q(role=Role.VIEWER)
        self.fields["owner"] = forms.ModelChoiceField(
            queryset=User.objects.filter(able | Q(pk=row.owner_id)).order_by("email"), required=False,
            empty_label="Nobody",
        )  # fmt: skip
        self.order_fields(["owner", "note"])
