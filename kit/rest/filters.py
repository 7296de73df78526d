"""Filter the lists of REST.

A parameter that is unknown, empty, given twice or invalid is an error: the portal ignores nothing silently.
"""

from typing import Any

import django_filters
from django import forms
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import extend_schema_field
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from kit.rest.fields import MAX_ID

PAGING = {"limit", "cursor"}
UNSET = "unset"


class YesNoField(forms.Field):
    def to_python(self, value: str | None) -> bool | None:
        if value is None:
            return None
        if value.lower() not in {"true", "false"}:
            raise forms.ValidationError("Enter true or false.")
        return value.lower() == "true"


@extend_schema_field({"type": "boolean"})
class YesNoFilter(django_filters.Filter):
    field_class = YesNoField


@extend_schema_field({"type": "integer", "minimum": 1, "maximum": MAX_ID})
class LinkFilter(django_filters.Filter):
    """Filter by the id of a linked object. An unknown id finds nothing."""

    field_class = forms.IntegerField

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, min_value=1, max_value=MAX_ID, **options)


@extend_schema_field({"type": "boolean"})
class GoneFilter(YesNoFilter):
    """Filter by whether Cisco stopped listing the row."""

    def filter(self, queryset: Any, value: bool | None) -> Any:
        return queryset if value is None else queryset.filter(gone_at__isnull=not value)


class UnsetFilter(django_filters.ChoiceFilter):
    """Filter by a choice that may be empty. `unset` finds the rows without one."""

    def __init__(self, choices: list[tuple[str, str]], **options: Any) -> None:
        super().__init__(choices=[(value or UNSET, label) for value, label in choices], **options)

    def filter(self, queryset: Any, value: str) -> Any:
        return queryset.filter(**{self.field_name: ""}) if value == UNSET else super().filter(queryset, value)


class StrictFilterBackend(DjangoFilterBackend):  # type: ignore[misc]
    """Reject unknown parameters.

    DRF finds the row of a detail view through the filters too; there, no parameter is known.
    """

    def filter_queryset(self, request: Request, queryset: Any, view: Any) -> Any:
        check_known(request, self._known_parameters(view))
        return super().filter_queryset(request, queryset, view) if view.action == "list" else queryset

    def get_filterset(self, request: Request, queryset: Any, view: Any) -> Any:
        """Keep the filters with the view: the pages of a list say what they left out."""
        view.filterset = super().get_filterset(request, queryset, view)
        return view.filterset

    def _known_parameters(self, view: Any) -> set[str]:
        if view.action != "list":
            return set()
        filterset = getattr(view, "filterset_class", None)
        return PAGING | set(filterset.base_filters if filterset else ())


def check_known(request: Request, known: set[str]) -> None:
    errors = {}
    for name, values in request.query_params.lists():
        if name not in known:
            errors[name] = [f"Unknown parameter. Known here: {', '.join(sorted(known)) or 'none'}."]
        elif len(values) > 1:
            errors[name] = ["Give this parameter once."]
        elif not values[0].strip():
            errors[name] = ["Give a value or leave the parameter out."]
    if errors:
        raise ValidationError(errors)
