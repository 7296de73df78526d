"""Forms for prices and for a file of them."""

from django import forms

from licensing.allocation.license_names import CURRENT
from licensing.figures.models import Price


class PriceForm(forms.ModelForm):
    """The verb checks the rules, so the model's own checks are left to it."""

    class Meta:
        model = Price
        fields = Price.OWN
        labels = {"amount": "Price a month"}
        help_texts = {
            "license_name": f"In any of its spellings, for example {CURRENT.display_name('UCM_EnhancedPlus')}.",
            "currency": "Three letters of ISO 4217, for example EUR.",
            "amount": "For one license.",
            "valid_from": "The price is valid until a later one in the same currency begins.",
        }
        widgets = {
            "currency": forms.TextInput(attrs={"autocapitalize": "characters", "autocomplete": "off"}),
            "valid_from": forms.DateInput(attrs={"type": "date"}),
        }

    def __init__(self, *args: object, names: list[str], **options: object) -> None:
        """`names` are the licenses to suggest."""
        super().__init__(*args, **options)  # type: ignore[arg-type]
        self.names = names
        self.fields["license_name"].widget.attrs.update({"list": "license-names", "autocomplete": "off"})

    def _post_clean(self) -> None:
        """Leave the row alone: the verb checks it, and refused values must not stand in it."""

    def filled(self) -> Price:
        row: Price = self.instance
        for name in Price.OWN:
            setattr(row, name, self.cleaned_data[name])
        return row


class PriceFileForm(forms.Form):
    file = forms.FileField(
        label="CSV file", allow_empty_file=True, widget=forms.FileInput(attrs={"accept": ".csv,.txt"})
    )
