"""Rows as Cisco sends them, to put into the emulator."""

from typing import Any


def term_line(quantity: int, **others: Any) -> dict[str, Any]:
    """Return a license line of a running term; `others` replace members or add some."""
    dates = {"startDate": "2026-01-01", "endDate": "2027-01-01"}
    return {
        "licenseType": "TERM",
        "quantity": quantity,
        **dates,
        "subscriptionId": "Sub1",
        "status": "ACTIVE",
        **others,
    }
