"""Word the mail that carries a statement, from the letterhead's own texts."""

from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from kit.refusals import Refusal
from licensing.statements import letterheads, wording
from licensing.statements.models import MOST_RECIPIENTS, Statement


def propose(statement: Statement) -> tuple[str, str]:
    """Return subject and text for a statement, in the words of the present letterhead."""
    letterhead, content = letterheads.current(), statement.content
    values = {
        "number": statement.number,
        "customer": statement.customer_name,
        "period": wording.period(content),
        "partner": letterhead.name,
        "verify": content["verify_at"],
    }
    subject = letterhead.mail_subject or letterheads.SUBJECT
    text = letterhead.mail_text or letterheads.TEXT
    return " ".join(subject.format_map(values).split())[:300], text.format_map(values)


def check_recipients(addresses: Sequence[str]) -> list[str]:
    """Return each address once, or refuse one that is none."""
    found = list({address.strip().lower(): address.strip() for address in addresses if address.strip()}.values())
    if not found:
        raise Refusal("No recipient is given.", "Enter at least one email address.", "recipients")
    if len(found) > MOST_RECIPIENTS:
        raise Refusal("Too many recipients.", f"Enter at most {MOST_RECIPIENTS} email addresses.", "recipients")
    for address in found:
        try:
            validate_email(address)
        except ValidationError:
            raise Refusal(f"{address} is not an email address.", "Enter one address per line.", "recipients") from None
    return found
