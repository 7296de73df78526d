"""Count how many of a license may be moved: active perpetual and term lines (docs/cisco-api.md#transfers).

Demo, usage-billed and subscription lines stay, as do lines that are not active or have ended. A license without lines
has no type that could be named to Cisco.
"""

from collections.abc import Iterable

from licensing.mirror.models import License, LicenseLine
from licensing.pools.models import TransferStep


def movable_by_type(licenses: Iterable[License]) -> dict[int, dict[str, int]]:
    """License id -> license type -> quantity, every type named; one statement however many there are."""
    rows = {row.pk: row for row in licenses}
    found = {pk: dict.fromkeys(TransferStep.LicenseType.values, 0) for pk in rows}
    lines = LicenseLine.objects.filter(license__in=rows, quantity__gt=0).order_by()
    for line in lines.only("license_id", "type", "quantity", "end", "status"):
        if line.type.upper() in TransferStep.LicenseType.values and _moves(line, rows[line.license_id]):
            found[line.license_id][line.type.upper()] += line.quantity
    return found


def _moves(line: LicenseLine, row: License) -> bool:
    return line.is_running and row.billing_type.upper() != "USAGE"
