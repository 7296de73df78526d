"""Read JSON bodies without letting one take the process down."""

import json
from collections import Counter
from typing import Any

from django.conf import settings
from rest_framework.exceptions import APIException, ParseError, ValidationError
from rest_framework.parsers import JSONParser
from rest_framework.utils.json import strict_constant

TWICE = "Give this member once."


class TooLarge(APIException):
    status_code = 413
    default_detail = f"The body is larger than {settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 1024} KiB."


class BoundedJSONParser(JSONParser):
    """Parse JSON up to a limit on size. DRF's own parser has none and answers 500 to deep nesting."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        content = stream.read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
        if len(content) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise TooLarge
        try:
            return json.loads(content.decode(), parse_constant=strict_constant, object_pairs_hook=_refuse_repeats)
        except (ValueError, RecursionError) as error:
            why = str(error) if isinstance(error, json.JSONDecodeError) else "It cannot be read."
            raise ParseError(f"The body is not JSON. {why}") from None


def _refuse_repeats(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the members, and refuse one that is given twice. JSON readers would keep the last without a word."""
    found = dict(members)
    if len(found) < len(members):
        numbers = Counter(name for name, _ in members)
        raise ValidationError({name: [TWICE] for name, number in numbers.items() if number > 1})
    return found
