"""Whose a subscription is, and which license model."""

from django import forms

from licensing.models import Subscription


class SubscriptionForm(forms.ModelForm):
    """The verb says what may not go together, so the model's own checks are left to it."""

    class Meta:
        model = Subscription
        fields = ["customer", "license_model", "note"]
        widgets = {"note": forms.Textarea(attrs={"rows": 3})}
        help_texts = {
            "customer": "Perpetual licenses belong to the partner: leave it empty for those.",
            "license_model": "As it was ordered.",
        }

    def _post_clean(self) -> None:
        """Nothing is written to the row here: the verb reads it anew."""
