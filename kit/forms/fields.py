"""Form fields that several subjects use."""

from typing import Any

from django import forms
from django.urls import reverse
from django.utils.html import format_html


def say_where_to_begin(field: forms.Field, words: str, route: str, action: str) -> None:
    """A form that asks for what there is none of yet says where the first one is made."""
    if not field.queryset.exists():  # type: ignore[attr-defined]
        field.help_text = format_html('{} <a href="{}">{}</a>.', words, reverse(route), action)


class PoolField(forms.ModelChoiceField):
    """A virtual account, told from others of its name by its smart account."""

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.name} · {obj.smart_account}"


class ClusterField(forms.ModelChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.name} · {obj.customer}"


def secret_field(label: str, is_set: bool) -> forms.CharField:
    """Write-only: empty keeps what is stored."""
    return forms.CharField(
        label=label,
        required=False,
        strip=True,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="A value is set. Leave empty to keep it." if is_set else "",
    )
