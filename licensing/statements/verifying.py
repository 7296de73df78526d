"""Tell whether a file is a statement as it was issued. Anybody may ask, so the answer reveals next to nothing."""

import hashlib
import hmac
import re
from dataclasses import dataclass

from licensing.statements.models import Statement

DIGEST = re.compile(r"[0-9a-f]{64}")
NUMBER = re.compile(r"\d{4}-\d{4,7}")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is told: the statement where number and digest fit, and the number of the one that corrects it."""

    statement: Statement | None
    corrected_by: str = ""


def by_digest(number: str, digest: str) -> Verdict:
    """Check a number with a digest. A wrong number and a wrong digest have the same answer."""
    number, digest = number.strip(), re.sub(r"\s+", "", digest).lower()
    if not DIGEST.fullmatch(digest) or not NUMBER.fullmatch(number):
        return Verdict(None)
    found = Statement.objects.plain().filter(sha256=digest).first()
    if found is None or not hmac.compare_digest(found.number, number):
        return Verdict(None)
    return _verdict(found)


def by_file(content: bytes) -> Verdict:
    """Check a PDF byte for byte."""
    found = Statement.objects.plain().filter(sha256=hashlib.sha256(content).hexdigest()).first()
    return _verdict(found) if found else Verdict(None)


def _verdict(statement: Statement) -> Verdict:
    later = Statement.objects.filter(corrects=statement).values_list("number", flat=True).first()
    return Verdict(statement, later or "")
