"""Offer form fields that several subjects use."""

from typing import Any

from django import forms
from django.urls import reverse
from django.utils.html import format_html


def say_where_to_begin(field: forms.Field, words: str, route: str, action: str) -> None:
    """Tell people where to create the first choice of a field that has none yet."""
    if not field.queryset.exists():  # type: ignore[attr-defined]
        field.help_text = format_html('{} <a href="{}">{}</a>.', words, reverse(route), action)


class PoolField(forms.ModelChoiceField):
    """Offer virtual accounts. The smart account tells those of one name apart."""

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.name} · {obj.smart_account}"


class ClusterField(forms.ModelChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.name} · {obj.customer}"


def secret_field(label: str, is_set: bool) -> forms.CharField:
    """Return a write-only field. An empty value keeps the stored secret."""
    return forms.CharField(
        label=label,
        required=False,
        strip=True,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="A value is set. Leave empty to keep it." if is_set else "",
    )
