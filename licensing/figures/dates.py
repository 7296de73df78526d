"""Open the books of a day: `as_of` of pages, REST and files."""

from datetime import date

from django.utils import timezone

from kit.refusals import Refusal
from licensing.figures.positions import Books, open_books
from licensing.history import reading


def open_books_of(
    day: date | None,
    *,
    smart_account: int | None = None,
    virtual_account: int | None = None,
    customer: int | None = None,
) -> Books:
    """Return the figures at the end of a UTC day; None or today: now. Raises Refusal for a day without figures."""
    if day is None or not is_past(day):
        return open_books(smart_account=smart_account, virtual_account=virtual_account, customer=customer)
    at = reading.end_of(day)
    books = open_books(at, smart_account=smart_account, virtual_account=virtual_account, customer=customer)
    accounts = books.facts.accounts
    if len(books.not_recorded) == len(accounts):
        first = min(reading.recorded_from().values(), default=None)
        raise Refusal(
            f"No figures are recorded for {words(day)}.",
            f"The history begins on {words(first.date())}: enter that day or a later one."
            if first
            else "The history begins with the first sync.",
            "as_of",
        )
    return books


def is_past(day: date) -> bool:
    """Return whether a UTC day is over; today's figures are the present ones. Raises Refusal for a future day."""
    today = timezone.now().date()
    if day > today:
        raise Refusal(f"{words(day)} is in the future.", "Enter today or an earlier day.", "as_of")
    return day < today


def words(day: date) -> str:
    return f"{day:%-d %b %Y}"
