"""Read the forms for license servers and smart accounts. They never show a secret."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django import forms

from kit.forms.fields import secret_field
from licensing.accounts.models import LicenseServer, SmartAccount

# Addresses of Cisco and of On-Prem servers (docs/cisco-api.md#hosts). <host> stands for the server's name.
CLOUD = {
    "api_base_url": "https://swapi.cisco.com/services/api/smart-accounts-and-licensing",
    "token_url": "https://id.cisco.com/oauth2/default/v1/token",
}
ON_PREM_API, ON_PREM_TOKEN = "https://{host}:8443/api/v1", "https://{host}:8443/backend/oauth/token"
INTERVALS = [
    (timedelta(hours=1), "every hour"),
    (timedelta(hours=6), "every 6 hours"),
    (timedelta(hours=12), "every 12 hours"),
    (timedelta(days=1), "every 24 hours"),
    (timedelta(days=7), "every week"),
]


class LicenseServerForm(forms.ModelForm):
    """Edit a license server, with the fields of its kind. The host fills in empty On-Prem addresses."""

    host = forms.CharField(
        required=False, help_text="Name of the server, for example ssm.partner.example. It fills in the addresses."
    )

    class Meta:
        model = LicenseServer
        fields = [name for name in LicenseServer.OWN if name != "kind"]  # chosen on the page before
        help_texts = {
            "ca_certificate": "On-Prem servers usually sign their own certificate. Paste it, or that of your CA.",
            "verify_tls": "If switched off, a false server goes unnoticed. An alert stays open until you switch it on.",
        }
        widgets = {
            "ca_certificate": forms.Textarea(attrs={"rows": 4, "class": "mono"}),
            "credentials_expire_on": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
            "last_cloud_sync_at": forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        }

    field_order = ["name", "host", "api_base_url", "token_url", "client_id", "client_secret"]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.instance.pk:
            del self.fields["client_id"]  # has its own page, together with the secret
        else:
            self.fields["client_secret"] = secret_field("Client secret", is_set=False)
        self.order_fields([*self.field_order, *LicenseServer.ON_PREM_ONLY])
        if self.instance.is_cloud:
            self._for_cloud()
        else:
            self._for_on_prem()

    def _for_cloud(self) -> None:
        for name in ("host", *LicenseServer.ON_PREM_ONLY):
            del self.fields[name]
        for name in {"client_id", "client_secret"} & set(self.fields):
            self.fields[name].required = True
        for name, address in CLOUD.items():
            self.initial[name] = self.initial.get(name) or address

    def _for_on_prem(self) -> None:
        for name in CLOUD:
            self.fields[name].required = False
        self.fields["api_base_url"].help_text = f"If empty: {ON_PREM_API.format(host='<host>')}".replace("<", "&lt;")
        self.fields["token_url"].help_text = f"If empty: {ON_PREM_TOKEN.format(host='<host>')}".replace("<", "&lt;")
        if "client_id" in self.fields:
            self.fields["client_id"].help_text = "Leave empty if each local account has its own, and set it there."

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if not self.instance.is_cloud:
            self._fill_addresses(cleaned)
        if bool(cleaned.get("client_id")) != bool(cleaned.get("client_secret")) and not self.errors:
            self.add_error("client_secret", "Enter both the client ID and the secret.")
        return cleaned

    def _fill_addresses(self, cleaned: dict[str, Any]) -> None:
        host = cleaned.get("host") or urlsplit(cleaned.get("api_base_url") or "").hostname
        if not host:
            if "api_base_url" not in self.errors:
                self.add_error("host", "Enter the server's name, or both addresses.")
            return
        for name, pattern in (("api_base_url", ON_PREM_API), ("token_url", ON_PREM_TOKEN)):
            if name not in self.errors:
                cleaned[name] = cleaned.get(name) or pattern.format(host=host)


class SmartAccountForm(forms.ModelForm):
    sync_every = forms.TypedChoiceField(label="Sync")

    class Meta:
        model = SmartAccount
        fields = [name for name in SmartAccount.OWN if name != "sync_every"]  # has a choice of its own
        widgets = {"credentials_expire_on": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")}
        labels = {
            "approve_transfers": "A second person approves transfers",
            "transfer_headroom": "Headroom of transfers, in percent",
            "cssm_alerts_configured": "Alerts are set up in CSSM too",
        }
        help_texts = {
            "hcmf_host": "Host name of the HCM-F that works with this account, where there is one.",
            "hcmf_version": "For example 12.5SU2.",
            "name": "The name in the portal. Leave empty to show the domain.",
            "approve_transfers": "Someone other than the author must approve a transfer plan before it is executed.",
            "transfer_headroom": "How many more than are missing remedies move, in percent of those in use. 0: none.",
            "cssm_alerts_configured": "For your overview: Cisco does not tell. The portal's alerts do not need it.",
        }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        now = self.instance.sync_every
        choices = {str(int(every.total_seconds())): words for every, words in INTERVALS}
        choices.setdefault(str(int(now.total_seconds())), f"every {now}")
        self.fields["sync_every"] = forms.TypedChoiceField(
            label="Sync",
            choices=list(choices.items()),
            coerce=lambda seconds: timedelta(seconds=int(seconds)),
            initial=str(int(now.total_seconds())),
            help_text="How often the portal syncs by itself. You can start a sync at any time.",
        )

        self.fields["transfer_headroom"].required = False

    def clean_transfer_headroom(self) -> int:
        """Keep the stored headroom where none is entered."""
        entered: int | None = self.cleaned_data["transfer_headroom"]
        return self.instance.transfer_headroom if entered is None else entered

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        self.instance.sync_every = cleaned.get("sync_every", self.instance.sync_every)
        return cleaned


class CredentialsForm(forms.Form):
    """Change the credentials of a license server or of a smart account."""

    client_id = forms.CharField(label="Client ID", max_length=200, required=False)

    def __init__(self, row: LicenseServer | SmartAccount, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"initial": {"client_id": row.client_id}, **options})
        self.row = row
        self.fields["client_secret"] = secret_field("Client secret", bool(row.client_secret))
        if isinstance(row, SmartAccount):
            self.fields["client_id"].help_text = "Leave empty to use the credentials of its license server."

    def clean(self) -> dict[str, Any]:
        client_id, secret = self.cleaned_data.get("client_id", ""), self.cleaned_data.get("client_secret", "")
        if secret and not client_id:
            self.add_error("client_id", "Enter the client ID that this secret belongs to.")
        if client_id and not secret and (client_id != self.row.client_id or not self.row.client_secret):
            self.add_error("client_secret", "Enter the secret of this client ID.")
        return self.cleaned_data


class ChooseAccountsForm(forms.Form):
    """Choose accounts that the credentials see. Accounts that were added before cannot be chosen."""

    domains = forms.MultipleChoiceField(
        label="Smart accounts",
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one account."},
    )

    def __init__(self, choices: Iterable[tuple[str, str]], *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["domains"].choices = list(choices)  # type: ignore[attr-defined]


class AddAccountForm(forms.Form):
    """Name an account to add. Some credentials can read an account and do not list it."""

    domain = forms.CharField(max_length=253, label="Domain or local account")

    def clean_domain(self) -> str:
        return str(self.cleaned_data["domain"]).strip()
