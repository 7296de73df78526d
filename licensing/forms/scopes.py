"""Fields of the scope of rules and channels (licensing.models.alerts.Scoped)."""

from collections.abc import Callable, Iterable
from typing import Any

from django import forms
from django.db.models import Q

from licensing.models import Customer, SmartAccount, VirtualAccount
from licensing.models.alerts import Scoped


class Lines(forms.CharField):
    """One text a line, as a list."""

    widget = forms.Textarea(attrs={"rows": 3})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        return [line.strip() for line in str(value or "").splitlines() if line.strip()]


class Pools(forms.ModelMultipleChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.name} · {obj.smart_account}{' (gone)' if obj.gone_at else ''}"


class ScopeFields(forms.BaseForm):
    """Mixed into the form of a Scoped row."""

    def add_scopes(self, row: Scoped, names: Iterable[str]) -> None:
        for name in names:
            self.fields[name] = field = FIELDS[name](getattr(row, name))
            self.initial[name] = getattr(row, name)
            if isinstance(field, forms.ModelMultipleChoiceField):
                _say_what_is_gone(field, getattr(row, name))

    def fill(self, row: Scoped) -> None:
        for name in Scoped.SCOPES:
            if name in self.fields:
                value = self.cleaned_data[name]  # type: ignore[attr-defined]
                setattr(row, name, [chosen.pk for chosen in value] if not isinstance(value, list) else value)


def _some_of(
    rows: Any, label: str, field: type[forms.ModelMultipleChoiceField] = forms.ModelMultipleChoiceField
) -> forms.ModelMultipleChoiceField:
    return field(queryset=rows, required=False, label=label, help_text="None chosen: all.")


def _pools(chosen: list[int]) -> Any:
    """Those that Cisco lists, and of the others what is chosen: or saving would quietly choose all."""
    return VirtualAccount.objects.filter(Q(gone_at=None) | Q(pk__in=chosen)).select_related("smart_account")


def _say_what_is_gone(field: forms.ModelMultipleChoiceField, chosen: list[int]) -> None:
    rows: Any = field.queryset
    gone = len(set(chosen) - set(rows.filter(pk__in=chosen).values_list("pk", flat=True))) if chosen else 0
    if gone:
        what = "1 that was chosen is gone" if gone == 1 else f"{gone} that were chosen are gone"
        field.help_text = f"{what}: until you save, nothing of it matches. Choose others. {field.help_text}"


FIELDS: dict[str, Callable[[list[Any]], forms.Field]] = {
    "smart_accounts": lambda _: _some_of(SmartAccount.objects.all(), "Only these smart accounts"),
    "virtual_accounts": lambda chosen: _some_of(_pools(chosen), "Only these virtual accounts", Pools),
    "licenses": lambda _: Lines(
        required=False, label="Only these licenses", help_text="One name a line, as Cisco writes it. None: all."
    ),
    "customers": lambda _: _some_of(Customer.objects.all(), "Only these customers"),
    "tags": lambda _: Lines(required=False, label="Only customers with these tags", help_text="One a line. None: all."),
}
