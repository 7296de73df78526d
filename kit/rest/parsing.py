"""Bodies: JSON, and nothing that could take the process down."""

import json
from collections import Counter
from typing import Any

from django.conf import settings
from rest_framework.exceptions import APIException, ParseError, ValidationError
from rest_framework.parsers import JSONParser
from rest_framework.utils.json import strict_constant

TWICE = "This member stands here more than once."


class TooLarge(APIException):
    status_code = 413
    default_detail = f"The body is larger than {settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 1024} KiB."


class BoundedJSONParser(JSONParser):
    """DRF's reads without a bound and answers 500 to deep nesting."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        content = stream.read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
        if len(content) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise TooLarge
        try:
            return json.loads(content.decode(), parse_constant=strict_constant, object_pairs_hook=_each_once)
        except (ValueError, RecursionError) as error:
            why = str(error) if isinstance(error, json.JSONDecodeError) else "It cannot be read."
            raise ParseError(f"The body is not JSON. {why}") from None


def _each_once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of two values for one member JSON's readers keep the last: which one was meant nobody knows."""
    found = dict(members)
    if len(found) < len(members):
        numbers = Counter(name for name, _ in members)
        raise ValidationError({name: [TWICE] for name, number in numbers.items() if number > 1})
    return found
