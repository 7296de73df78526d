"""Provide serializers and fields that several collections share."""

from collections.abc import Mapping
from typing import Any

from django.db import models
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

MAX_ID = 2**63 - 1


class Strict(serializers.BaseSerializer[Any]):
    """Reject unknown members of a body, and members that only the portal sets.

    A program may send a row back with PUT as it read it. Members that only the portal sets are then ignored.
    """

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            errors = {str(name): [fault] for name in data if (fault := self._fault(name, data))}
            if errors:
                raise ValidationError(errors)
        return super().to_internal_value(data)

    def _fault(self, name: Any, data: Mapping[Any, Any]) -> str:
        fields: dict[str, Any] = self.fields  # type: ignore[attr-defined]
        if name not in fields:
            writable = ", ".join(sorted(known for known, field in fields.items() if not field.read_only))
            return f"Unknown member. Members that can be set: {writable or 'none'}."
        if not fields[name].read_only or (self.instance is not None and not self.partial):
            return ""
        if self.instance is not None and self._shown().get(name) == data[name]:
            return ""
        return "Only the portal sets this member."

    def _shown(self) -> dict[str, Any]:
        if not hasattr(self, "_as_it_is"):
            self._as_it_is: dict[str, Any] = self.to_representation(self.instance)
        return self._as_it_is


class Nothing(Strict, serializers.Serializer[Any]):
    """Accept an empty body only, for an action that takes no input."""


def refuse_body(request: Request) -> None:
    """Refuse the body of an action that takes none; it would be lost without a word."""
    Nothing(data=request.data).is_valid(raise_exception=True)


class Link(serializers.PrimaryKeyRelatedField):  # type: ignore[type-arg]
    """Write a link to another object as its id."""

    def __init__(self, model: type[models.Model], **options: Any) -> None:
        super().__init__(queryset=model._default_manager.all(), **options)

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("incorrect_type", data_type=type(data).__name__)
        if not 0 < data <= MAX_ID:
            self.fail("does_not_exist", pk_value=data)
        return super().to_internal_value(data)


class SecretText(serializers.CharField):
    """Accept a secret and never return it. A change without it, or with an empty one, keeps the stored secret."""

    def __init__(self, **options: Any) -> None:
        super().__init__(write_only=True, required=False, allow_blank=True, max_length=2000, **options)


class AsOf(serializers.DateTimeField):
    """Return the time of a mirrored row's figures: its account's last complete sync, or the time a gone row went.

    Rows of a list at a day in the past have that moment as `past_at`.
    """

    def __init__(self, path: str = "virtual_account.smart_account") -> None:
        super().__init__(read_only=True, allow_null=True, source="*")
        self.path = path.split(".")

    def to_representation(self, value: Any) -> Any:
        moment = getattr(value, "past_at", None) or getattr(value, "gone_at", None)
        if moment is None:
            account = value
            for name in self.path:
                account = getattr(account, name)
            moment = account.last_synced_at
        return super().to_representation(moment) if moment else None


class RecordedOnly(serializers.BaseSerializer[Any]):
    """Leave members that are not recorded by day out of the rows of a list in the past."""

    unrecorded: tuple[str, ...] = ()

    def to_representation(self, instance: Any) -> Any:
        shown = super().to_representation(instance)
        if getattr(instance, "past_at", None):
            for name in self.unrecorded:
                shown.pop(name)
        return shown
