"""The form for a new virtual account at Cisco."""

from typing import Any

from django import forms

from kit.forms.fields import say_where_to_begin
from licensing.accounts.models import SmartAccount
from licensing.operations.virtual_accounts import NAME_LENGTH


class NewVirtualAccountForm(forms.Form):
    smart_account = forms.ModelChoiceField(queryset=SmartAccount.objects.active(), label="Smart account")
    name = forms.CharField(
        max_length=NAME_LENGTH, help_text="Unique in its smart account. You cannot rename it here later."
    )
    description = forms.CharField(max_length=500, required=False)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        account = self.fields["smart_account"]
        say_where_to_begin(account, "There is none yet. Choose one at a", "license-servers", "license server")
