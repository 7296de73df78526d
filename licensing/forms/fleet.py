"""Forms for customers, clusters with their nodes, proxies."""

from typing import Any

from django import forms
from django.http import QueryDict
from django.urls import reverse
from django.utils.html import format_html

from licensing.fleet import ProxySpec
from licensing.forms.servers import secret_field
from licensing.models import Cluster, Customer, LicenseServer, Node, Proxy

MORE_NODES = 3


class CustomerForm(forms.ModelForm):
    class Meta:
        model = Customer
        fields = ["name", "tags", "note"]
        widgets = {"note": forms.Textarea(attrs={"rows": 3})}


class ProxyForm(forms.Form):
    """Empty: none of its own. A password that is left empty stays."""

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
            self.add_error("host", "Enter the proxy's host, or empty all of its fields.")
        if values.get("host") and not values.get("port") and "port" not in self.errors:
            self.add_error("port", "Enter the proxy's port.")
        return values

    def spec(self) -> ProxySpec | None:
        """None: no proxy of its own. An empty password keeps the stored one, if there is one."""
        values = self.cleaned_data
        if not values["host"]:
            return None
        return ProxySpec(values["host"], values["port"], values["username"], values["password"] or None)


def say_where_to_begin(field: forms.Field, words: str, route: str, action: str) -> None:
    """A form that asks for what there is none of yet says where the first one is made."""
    if not field.queryset.exists():  # type: ignore[attr-defined]
        field.help_text = format_html('{} <a href="{}">{}</a>.', words, reverse(route), action)


class ClusterForm(forms.ModelForm):
    class Meta:
        model = Cluster
        fields = [
            "customer", "name", "application", "version", "deployment", "mixed_mode", "managed_on_premise",
            "installed_on", "license_server",
        ]  # fmt: skip
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
    """What was posted; with `more` in it, with empty lines added and nothing lost."""
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


class PoolField(forms.ModelChoiceField):
    """A virtual account, told from others of its name by its smart account."""

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.name} · {obj.smart_account}"


class ClusterField(forms.ModelChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.name} · {obj.customer}"
