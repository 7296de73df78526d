"""What the worklist is filtered by."""

from django import forms

from licensing.models import SmartAccount
from licensing.worklist import Reason

SEARCH_BOX = forms.TextInput(
    attrs={"type": "search", "data-search": "", "autocomplete": "off", "placeholder": "Search name, virtual account"}
)


class WorklistForm(forms.Form):
    q = forms.CharField(required=False, label="Search", widget=SEARCH_BOX, max_length=200)
    reason = forms.ChoiceField(required=False, choices=[("", "Any"), *Reason.choices])
    smart_account = forms.ModelChoiceField(
        required=False, queryset=SmartAccount.objects.all(), label="Smart account", empty_label="Any"
    )
