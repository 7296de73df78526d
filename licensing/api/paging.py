"""Lists in pages, by opaque cursors."""

from typing import Any

from rest_framework.exceptions import ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.response import Response


class Cursor(CursorPagination):
    """`limit` up to 1,000, larger ones are cut to it. Ordered by id: no row is skipped or shown twice."""

    ordering = "id"
    page_size = 100
    page_size_query_param = "limit"
    max_page_size = 1000

    def get_page_size(self, request: Any) -> int:
        text = request.query_params.get("limit", "100")
        if not text.isdecimal() or int(text) < 1:
            raise ValidationError({"limit": ["Enter a whole number from 1 to 1000."]})
        return min(int(text), self.max_page_size)

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"next": self.get_next_link(), "previous": self.get_previous_link(), "results": data})
