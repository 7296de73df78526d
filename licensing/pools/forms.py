"""Whose a subscription is, and which license model."""

from typing import Any

from django import forms
from django.db.models import QuerySet

from licensing.mirror.models import Subscription, VirtualAccount


class SubscriptionForm(forms.ModelForm):
    """The verb says what may not go together, so the model's own checks are left to it."""

    class Meta:
        model = Subscription
        fields = Subscription.OWN
        widgets = {"note": forms.Textarea(attrs={"rows": 3})}
        help_texts = {
            "customer": "Perpetual licenses belong to the partner: leave it empty for those.",
            "license_model": "As it was ordered.",
        }

    def _post_clean(self) -> None:
        """Nothing is written to the row here: the verb reads it anew."""


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
