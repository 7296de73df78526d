"""Forms for customers, clusters with their nodes and proxies, and the access to a cluster."""

from typing import Any

from django import forms
from django.http import QueryDict

from kit.forms.fields import say_where_to_begin, secret_field
from licensing.accounts.models import LicenseServer
from licensing.fleet.access.settings import AccessSpec
from licensing.fleet.models import Cluster, ClusterAccess, Customer, Node, Proxy
from licensing.fleet.proxies import ProxySpec


class ClusterAccessForm(forms.ModelForm):
    class Meta:
        model = ClusterAccess
        fields = ClusterAccess.OWN
        labels = {"method": "Reached", "url": "Address of the publisher"}
        help_texts = {
            "url": "For AXL, for example https://cucm-pub.example:8443.",
            "username": "An application user with the role Standard AXL API Access.",
            "ca_certificate": "Unified CM usually signs its own certificate. Paste it, or the certificate of your CA.",
            "verify_tls": "If you switch it off, another server can pose as the publisher unnoticed.",
        }
        widgets = {"ca_certificate": forms.Textarea(attrs={"rows": 4, "class": "mono"}), "method": forms.RadioSelect}

    field_order = ["method", "url", "username", "password", "ca_certificate", "verify_tls"]

    def __init__(self, cluster: Cluster, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["method"].choices = _available_methods(cluster)  # type: ignore[attr-defined]
        self.fields["password"] = secret_field("Password", bool(self.instance.password))
        self.order_fields(self.field_order)
        if not cluster.has_axl:
            self.fields = {"method": self.fields["method"]}  # by hand keeps nothing of the rest

    def _post_clean(self) -> None:
        """Leave the row alone: the verb checks and fills it, and refused values must not stand in it."""

    def spec(self) -> AccessSpec:
        values = self.cleaned_data
        return AccessSpec(**{**values, "password": values.get("password") or None})


def _available_methods(cluster: Cluster) -> list[tuple[str, str]]:
    """Return the methods that the cluster's application supports."""
    return [(value, label) for value, label in ClusterAccess.Method.choices if value != "axl" or cluster.has_axl]


MORE_NODES = 3


class CustomerForm(forms.ModelForm):
    class Meta:
        model = Customer
        fields = Customer.OWN
        widgets = {"note": forms.Textarea(attrs={"rows": 3})}


class ProxyForm(forms.Form):
    """Enter a proxy. An empty form means no proxy of its own; an empty password keeps the stored one."""

    prefix = "proxy"
    host = forms.CharField(max_length=253, required=False)
    port = forms.IntegerField(min_value=1, max_value=65535, required=False)
    username = forms.CharField(max_length=200, required=False, label="User name")

    def __init__(self, proxy: Proxy | None, *args: Any, **options: Any) -> None:
        names = ("host", "port", "username")
        initial = {name: getattr(proxy, name) for name in names} if proxy else {}
        super().__init__(*args, **{"initial": initial, **options})
        self.fields["password"] = secret_field("Password", bool(proxy and proxy.password))

    def clean(self) -> dict[str, Any]:
        values = self.cleaned_data
        if any(values.get(name) for name in ("port", "username", "password")) and not values.get("host"):
            self.add_error("host", "Enter the proxy's host, or clear all proxy fields.")
        if values.get("host") and not values.get("port") and "port" not in self.errors:
            self.add_error("port", "Enter the proxy's port.")
        return values

    def spec(self) -> ProxySpec | None:
        """Return the proxy that is wanted, None for none of its own. An empty password keeps the stored one."""
        values = self.cleaned_data
        if not values["host"]:
            return None
        return ProxySpec(values["host"], values["port"], values["username"], values["password"] or None)


class ClusterForm(forms.ModelForm):
    class Meta:
        model = Cluster
        fields = Cluster.OWN
        widgets = {"installed_on": forms.DateInput(attrs={"type": "date"})}
        labels = {"license_server": "On-Prem server"}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        servers = LicenseServer.objects.filter(kind=LicenseServer.Kind.ON_PREM)
        self.fields["license_server"].queryset = servers  # type: ignore[attr-defined]
        self.fields["license_server"].empty_label = "None: the cloud"  # type: ignore[attr-defined]
        say_where_to_begin(self.fields["customer"], "There is no customer yet:", "customer-add", "add the first")


class NodeForm(forms.Form):
    host_name = forms.CharField(max_length=253, required=False, label="Host name")
    role = forms.ChoiceField(choices=Node.Role.choices, initial=Node.Role.SUBSCRIBER)
    serial = forms.CharField(max_length=100, required=False, label="Serial number")

    def clean_host_name(self) -> str:
        return str(self.cleaned_data["host_name"]).strip().lower()


def node_rows(posted: QueryDict) -> QueryDict | None:
    """Return the posted rows. With `more` in the post, empty rows are added and nothing is lost."""
    if not posted:
        return None
    rows = posted.copy()
    if "more" in rows:
        total = str(rows.get("nodes-TOTAL_FORMS", ""))
        rows["nodes-TOTAL_FORMS"] = str(
            min(int(total) if total.isdecimal() and len(total) < 5 else 0, 200 - MORE_NODES) + MORE_NODES
        )
        for number in range(int(str(rows["nodes-TOTAL_FORMS"]))):
            rows.setdefault(f"nodes-{number}-role", Node.Role.SUBSCRIBER)
    return rows


NodeFormSet = forms.formset_factory(NodeForm, extra=MORE_NODES, max_num=200, validate_max=True)
