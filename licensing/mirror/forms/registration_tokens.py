"""Forms for registration tokens."""

from typing import Any

from django import forms

from kit.forms.fields import PoolField, say_where_to_begin
from licensing.mirror.models import RegistrationToken, VirtualAccount
from licensing.mirror.tokens import MAX_DAYS, MAX_USES, without_breaks


def pool_field() -> PoolField:
    pools = VirtualAccount.objects.present().select_related("smart_account").order_by("smart_account__name", "name")
    field = PoolField(queryset=pools, label="Virtual account")
    say_where_to_begin(
        field, "There is none yet. They come with the first sync of a", "smart-accounts", "smart account"
    )
    return field


class CreateTokenForm(forms.Form):
    description = forms.CharField(
        max_length=500, help_text="What the token is for, such as a customer, cluster or project."
    )
    expires_after_days = forms.IntegerField(label="Ends after days", min_value=1, max_value=MAX_DAYS, initial=30)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["virtual_account"] = pool_field()
        self.order_fields(["virtual_account"])


def uses_allowed_field() -> forms.IntegerField:
    return forms.IntegerField(
        label="Number of uses",
        min_value=1,
        max_value=MAX_USES,
        required=False,
        help_text="The number that was set in CSSM. Leave it empty for no limit.",
    )


class TokenUsesForm(forms.Form):
    uses = forms.IntegerField(
        label="Used so far",
        min_value=0,
        max_value=MAX_USES,
        help_text="Enter the number from CSSM's list of tokens. The portal then adds each registration that it makes.",
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["uses_allowed"] = uses_allowed_field()
        self.order_fields(["uses_allowed"])


class RecordTokenForm(forms.ModelForm):
    """Record a token that was made in CSSM. Export-controlled tokens can only be made there."""

    text = forms.CharField(
        label="Token",
        widget=forms.Textarea(attrs={"rows": 4, "class": "mono", "autocomplete": "off", "spellcheck": "false"}),
        help_text="The whole text as CSSM shows it. The portal encrypts it and does not show it again.",
    )

    class Meta:
        model = RegistrationToken
        fields = ["description", "expires_at", "export_controlled"]
        labels = {"expires_at": "Ends on", "export_controlled": "Allows export-controlled functionality"}
        widgets = {"expires_at": forms.DateInput(attrs={"type": "date"})}
        help_texts = {"export_controlled": "Needed for clusters in mixed mode, where your organisation may use it."}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["virtual_account"] = pool_field()
        self.fields["uses_allowed"] = uses_allowed_field()
        names = ["virtual_account", "text", "description", "expires_at", "uses_allowed", "export_controlled"]
        self.order_fields(names)
        self.fields["description"].required = True

    def clean_text(self) -> str:
        text = without_breaks(str(self.cleaned_data["text"]))
        if len(text) < 16:
            raise forms.ValidationError("This registration token is incomplete. Paste the whole text.")
        return text
