"""Members and bodies that several collections share."""

from collections.abc import Mapping
from typing import Any

from django.db import models
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

MAX_ID = 2**63 - 1


class Strict(serializers.BaseSerializer[Any]):
    """Mixed into a serializer: a member that is unknown is an error, and so is one that only the portal sets.

    A whole row that was read may be sent back with PUT: what only the portal sets is then passed over.
    """

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            errors = {str(name): [said] for name in data if (said := self._fault(name, data))}
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
    """The body of an action that takes none."""


def refuse_body(request: Request) -> None:
    """Of an action that takes none: what was sent would be lost without a word."""
    Nothing(data=request.data).is_valid(raise_exception=True)


class Link(serializers.PrimaryKeyRelatedField):  # type: ignore[type-arg]
    """A link is the target's id."""

    def __init__(self, model: type[models.Model], **options: Any) -> None:
        super().__init__(queryset=model._default_manager.all(), **options)

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("incorrect_type", data_type=type(data).__name__)
        if not 0 < data <= MAX_ID:
            self.fail("does_not_exist", pk_value=data)
        return super().to_internal_value(data)


class SecretText(serializers.CharField):
    """Write-only. Left out or empty in a change: the stored one stays."""

    def __init__(self, **options: Any) -> None:
        super().__init__(write_only=True, required=False, allow_blank=True, max_length=2000, **options)


class AsOf(serializers.DateTimeField):
    """The age of a mirrored row: its account's last complete sync; of a gone row, when it went."""

    def __init__(self, path: str = "virtual_account.smart_account") -> None:
        super().__init__(read_only=True, allow_null=True, source="*")
        self.path = path.split(".")

    def to_representation(self, value: Any) -> Any:
        moment = value.gone_at
        if moment is None:
            account = value
            for name in self.path:
                account = getattr(account, name)
            moment = account.last_synced_at
        return super().to_representation(moment) if moment else None
