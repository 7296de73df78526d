"""Offer form fields for the scope of a row: the parts that it is limited to."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.db.models import QuerySet


@dataclass(frozen=True, slots=True)
class Scope:
    """A scope limits a row to some values. `rows` returns the choices, given the chosen ids; None: free texts."""

    label: str
    help_text: str = "None chosen: all."
    rows: Callable[[list[Any]], QuerySet[Any]] | None = None
    describe: Callable[[Any], str] = str


class Lines(forms.CharField):
    """Read a list of texts, one per line."""

    widget = forms.Textarea(attrs={"rows": 3})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        return [line.strip() for line in str(value or "").splitlines() if line.strip()]


class RowsField(forms.ModelMultipleChoiceField):
    """Offer several rows. The scope describes each."""

    def __init__(self, scope: Scope, chosen: list[Any]) -> None:
        assert scope.rows is not None
        self.scope = scope
        super().__init__(queryset=scope.rows(chosen), required=False, label=scope.label, help_text=scope.help_text)

    def label_from_instance(self, obj: Any) -> str:
        return self.scope.describe(obj)


class ScopeFields(forms.BaseForm):
    """Add the fields of its scopes to the form of a row."""

    scopes: dict[str, Scope]

    def add_scopes(self, row: Any, names: Iterable[str]) -> None:
        for name in names:
            scope, chosen = self.scopes[name], getattr(row, name)
            self.initial[name] = chosen
            if scope.rows is None:
                self.fields[name] = Lines(required=False, label=scope.label, help_text=scope.help_text)
            else:
                self.fields[name] = field = RowsField(scope, chosen)
                _warn_of_missing(field, chosen)

    def fill(self, row: Any) -> None:
        for name in self.scopes:
            if name in self.fields:
                value = self.cleaned_data[name]  # type: ignore[attr-defined]
                setattr(row, name, [chosen.pk for chosen in value] if not isinstance(value, list) else value)


def _warn_of_missing(field: forms.ModelMultipleChoiceField, chosen: list[int]) -> None:
    rows: Any = field.queryset
    gone = len(set(chosen) - set(rows.filter(pk__in=chosen).values_list("pk", flat=True))) if chosen else 0
    if gone:
        words = "1 chosen entry is gone and matches nothing. Saving removes it."
        if gone > 1:
            words = f"{gone} chosen entries are gone and match nothing. Saving removes them."
        field.help_text = f"{words} {field.help_text}"
