"""Decide when a product instance is silent: after how many days without contact with Cisco.

The partner's alert rules decide. The smallest threshold of all enabled rules counts, whatever their scopes: an empty
threshold is the usual number of days, and 0 is 0. Without an enabled rule it is the usual number, too.
"""

from typing import Any

from django.db import connection

from licensing.alerts.kinds import FACTS
from licensing.alerts.models import Kind

USUAL_DAYS: int = FACTS[Kind.INSTANCE_SILENT].usual or 0
# SQL for the number of days, as a scalar subquery. Whatever asks in Python reads the same SQL.
SILENT_DAYS = f"""(
    SELECT coalesce(min(coalesce(silence_rule.threshold, {USUAL_DAYS})), {USUAL_DAYS})
    FROM alerts_alertrule silence_rule
    WHERE silence_rule.kind = '{Kind.INSTANCE_SILENT}' AND silence_rule.enabled
)"""


def silent_days() -> int:
    """Return the days without contact after which an instance of this partner is silent. One query."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {SILENT_DAYS}")
        row: Any = cursor.fetchone()
    return int(row[0])
