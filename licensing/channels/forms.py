"""Forms for channels. Addresses go in and never come out."""

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from kit.forms.fields import secret_field
from kit.forms.scope_fields import ScopeFields
from licensing.alerts import scopes
from licensing.alerts.models import Kind
from licensing.channels.models import Channel

# Fields that only some kinds have.
OF_MAIL, OF_ADDRESS = ("recipients",), ("url",)
URL_HELP = {
    Channel.Kind.WEBHOOK: "An https:// address. Each call is signed: see docs/webhooks.md.",
    Channel.Kind.APPRISE: "In the notation of Apprise, for example slack://token_a/token_b/token_c or "
    "tgram://bot_token/chat_id. Services that stand at an address of their own.",
}


class Addresses(forms.CharField):
    """Email addresses, one a line, or with commas between them."""

    widget = forms.Textarea(attrs={"rows": 3, "autocomplete": "off"})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> list[str]:  # type: ignore[override]
        return [address for address in re.split(r"[\s,;]+", str(value or "")) if address]

    def validate(self, value: Any) -> None:
        super().validate(value)
        for address in value:
            try:
                validate_email(address)
            except ValidationError:
                raise ValidationError(f"{address} is not an email address.") from None


FILTER_FIELDS = ("min_severity", "kinds", "tell_closed")
TIMING_FIELDS = ("digest_at", "storm_limit", "quiet_from", "quiet_until", "quiet_except_critical", "zone")


class ChannelForm(ScopeFields, forms.ModelForm):
    """Form for a channel of one kind, that of the instance."""

    scopes = scopes.CHOICES

    recipients = Addresses(required=False, help_text="One a line. Each gets mails of their own and may end them.")
    kinds = forms.MultipleChoiceField(
        label="Kinds of alerts",
        choices=Kind.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None chosen: all.",
    )

    class Meta:
        model = Channel
        fields = ["name", "recipients", *FILTER_FIELDS, *TIMING_FIELDS, "enabled"]
        labels = {
            "enabled": "Switched on",
            "min_severity": "At least as severe as",
            "quiet_from": "Quiet from",
            "quiet_until": "Quiet until",
        }
        help_texts = {
            "digest_at": "Empty: at once.",
            "quiet_from": "Alerts of these hours are told when they end.",
            "quiet_until": "Empty, both: no quiet hours.",
            "zone": "Of the times here, for example Europe/Berlin.",
        }
        widgets = {
            **{
                name: forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
                for name in ("digest_at", "quiet_from", "quiet_until")
            },
        }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        kind = Channel.Kind(self.instance.kind)
        if kind == Channel.Kind.MAIL:
            self.fields["recipients"].required = True
        else:
            del self.fields["recipients"]
            stored = bool(self.instance.url)
            self.fields["url"] = secret_field("Address", stored)
            self.fields["url"].required = not stored
            self.fields["url"].help_text = f"{URL_HELP[kind]} {self.fields['url'].help_text}".strip()
            self.order_fields(["name", "url"])
        self.add_scopes(self.instance, Channel.SCOPES)
        self.fields["smart_accounts"].help_text += " Alerts that belong to no smart account always come."

    def filled(self) -> Channel:
        """The channel as it was entered; not saved."""
        channel: Channel = self.instance
        self.fill(channel)
        return channel
