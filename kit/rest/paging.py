"""Return lists in pages, by opaque cursors."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Any

from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

from kit.past import Past

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
WRITTEN = re.compile(r"([ab])(\d{1,18})")
CURSOR_HELP = "Where the page begins. Opaque: take it from `next` or `previous` of another page."
LIMIT_HELP = f"Rows in a page. Larger values than {MAX_LIMIT} count as {MAX_LIMIT}."


@dataclass(frozen=True, slots=True)
class Position:
    """A position says where a page begins: right after the row `number`, or so that it ends right before it."""

    number: int
    before: bool = False

    def text(self) -> str:
        return urlsafe_b64encode(f"{'b' if self.before else 'a'}{self.number}".encode()).decode().rstrip("=")

    @classmethod
    def read(cls, text: str) -> "Position":
        try:
            written = urlsafe_b64decode(text.encode() + b"==").decode()
        except ValueError:
            written = ""
        found = WRITTEN.fullmatch(written)
        if not found:
            raise ValidationError({"cursor": ["This is not a cursor of this list. Begin again without one."]})
        return cls(int(found[2]), before=found[1] == "b")


class Cursor(BasePagination):
    """Page by id, which never changes: rows that are added or deleted meanwhile cause no gap and no repetition."""

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        limit, text = _limit(request), request.query_params.get("cursor")
        here = Position.read(text) if text is not None else Position(0)
        if here.before:
            found = list(queryset.filter(id__lt=here.number).order_by("-id")[: limit + 1])
        else:
            found = list(queryset.filter(id__gt=here.number).order_by("id")[: limit + 1])
        more, rows = len(found) > limit, found[:limit]
        if here.before:
            rows.reverse()
        next_page = rows and (more or here.before)
        previous_page = rows and (more if here.before else text is not None)
        self.next = _link(request, Position(rows[-1].pk)) if next_page else None
        self.previous = _link(request, Position(rows[0].pk, before=True)) if previous_page else None
        return rows

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"next": self.next, "previous": self.previous, "results": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": "string", "format": "uri", "nullable": True}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {"next": link, "previous": link, "results": schema},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        limit = {"type": "integer", "minimum": 1, "default": DEFAULT_LIMIT}
        cursor = {"type": "string", "minLength": 1}
        return [
            {"name": "limit", "in": "query", "required": False, "description": LIMIT_HELP, "schema": limit},
            {"name": "cursor", "in": "query", "required": False, "description": CURSOR_HELP, "schema": cursor},
        ]


NOT_RECORDED = {
    "type": "array",
    "description": "With `as_of`: smart accounts that are left out, because nothing is recorded of them on that day.",
    "items": {
        "type": "object",
        "required": ["smart_account", "until", "reason", "text"],
        "properties": {
            "smart_account": {"type": "integer"},
            "until": {"type": "string", "format": "date-time", "nullable": True, "description": "Null: up to now."},
            "reason": {"type": "string", "enum": ["not_recorded", "not_kept"]},
            "text": {"type": "string"},
        },
    },
}


class PastCursor(Cursor):
    """Page through a list that takes `as_of`. Its pages say what was not recorded on that day."""

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        filters = getattr(view, "filterset", None)
        self.past: Past | None = filters.past if filters is not None else None
        return super().paginate_queryset(queryset, request, view)

    def get_paginated_response(self, data: Any) -> Response:
        answer = super().get_paginated_response(data)
        if self.past is not None:
            answer.data["not_recorded"] = [
                {"smart_account": gap.smart_account.pk, "until": gap.until, "reason": gap.reason, "text": gap.text}
                for gap in self.past.gaps
            ]
        return answer

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        found = super().get_paginated_response_schema(schema)
        found["properties"]["not_recorded"] = NOT_RECORDED
        return found


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", str(DEFAULT_LIMIT))
    if not re.fullmatch(r"0*[1-9]\d{0,17}", text, re.ASCII):
        raise ValidationError({"limit": ["Enter a whole number of at least 1."]})
    return min(int(text), MAX_LIMIT)


def _link(request: Request, position: Position) -> str:
    """Return the address of the request, with its filters, at another position."""
    here = remove_query_param(request.build_absolute_uri(), "cursor")
    return replace_query_param(here, "cursor", position.text())
