"""What all collections share."""

from typing import Any

import django_filters
from django.db import models
from rest_framework import mixins, serializers
from rest_framework.exceptions import ValidationError
from rest_framework.viewsets import GenericViewSet

from people import audit

PAGING = {"limit", "cursor"}
BIGINT_MAX = 2**63 - 1


class StrictFilters(django_filters.FilterSet):
    """Links filter by id under their own name. `gone=true|false` where rows can go."""

    def filter_gone(self, queryset: Any, name: str, value: bool) -> Any:
        return queryset.exclude(gone_at=None) if value else queryset.filter(gone_at=None)


def link_filter(path: str) -> django_filters.NumberFilter:
    return django_filters.NumberFilter(field_name=path, min_value=0, max_value=BIGINT_MAX, decimal_places=0)


class Collection(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet):
    """A readable collection. A query parameter that is not known is an error, not silently ignored."""

    filterset_class: Any = None
    lookup_value_regex = r"\d{1,18}"

    def filter_queryset(self, queryset: Any) -> Any:
        known = PAGING | set(self.filterset_class.base_filters if self.filterset_class else ())
        unknown = set(self.request.query_params) - known if self.action == "list" else set()
        if unknown:
            words = f"Unknown parameter. Known are: {', '.join(sorted(known))}."
            raise ValidationError({name: [words] for name in sorted(unknown)})
        return super().filter_queryset(queryset)

    @property
    def actor(self) -> audit.Actor:
        return audit.actor_of(self.request)


class Link(serializers.PrimaryKeyRelatedField):
    """A link is the target's id."""

    def __init__(self, model: type[models.Model], **options: Any) -> None:
        super().__init__(queryset=model._default_manager.all(), **options)

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, bool) or not isinstance(data, int | str) or not str(data).isdecimal():
            raise ValidationError("Enter an id.")
        if int(data) > BIGINT_MAX:
            self.fail("does_not_exist", pk_value=data)
        return super().to_internal_value(int(data))


def as_of(row: Any, pool: Any) -> Any:
    """The age of a mirrored row: the last complete sync, of a gone row when it went."""
    return row.gone_at or pool.smart_account.last_synced_at
