"""The form for the access to a cluster. The password goes in and never comes out."""

from typing import Any

from django import forms

from licensing.access import AccessSpec
from licensing.forms.servers import secret_field
from licensing.models import Cluster, ClusterAccess


class ClusterAccessForm(forms.ModelForm):
    class Meta:
        model = ClusterAccess
        fields = ["method", "url", "username", "ca_certificate", "verify_tls"]
        labels = {"method": "Reached", "url": "Address of the publisher"}
        help_texts = {
            "url": "For AXL, for example https://cucm-pub.example:8443.",
            "username": "An application user with the role Standard AXL API Access.",
            "ca_certificate": "Unified CM usually signs its own certificate: paste it, or that of your CA.",
            "verify_tls": "Switched off, nobody notices a server that only claims to be the publisher.",
        }
        widgets = {"ca_certificate": forms.Textarea(attrs={"rows": 4, "class": "mono"}), "method": forms.RadioSelect}

    field_order = ["method", "url", "username", "password", "ca_certificate", "verify_tls"]

    def __init__(self, cluster: Cluster, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["method"].choices = _methods(cluster)  # type: ignore[attr-defined]
        self.fields["password"] = secret_field("Password", bool(self.instance.password))
        self.order_fields(self.field_order)
        if not cluster.has_axl:
            self.fields = {"method": self.fields["method"]}  # by hand keeps nothing of the rest

    def _post_clean(self) -> None:
        """The verb checks and fills the row: what is refused must not stand in it."""

    def spec(self) -> AccessSpec:
        values = self.cleaned_data
        return AccessSpec(**{**values, "password": values.get("password") or None})


def _methods(cluster: Cluster) -> list[tuple[str, str]]:
    """Only what the application has."""
    return [(value, label) for value, label in ClusterAccess.Method.choices if value != "axl" or cluster.has_axl]
