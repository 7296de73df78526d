"""Fetch and store the alerts that Cisco itself raises.

They are listed last and never fail a sync (docs/cisco-api.md#alerts).
"""

import json
import logging
from dataclasses import asdict

from licensing.cisco.client import CssmClient
from licensing.cisco.errors import CssmError
from licensing.cisco.types import AccountRef

log = logging.getLogger(__name__)

# One statement: what is listed stands, what is not listed goes. Parameters: account, now, alerts (JSON).
STORE = """
WITH listed AS (
    SELECT DISTINCT ON (digest) * FROM (
        SELECT encode(sha256(convert_to(concat_ws(E'\\n', type, source, virtual_account,
                regexp_replace(message, '\\d+', '#', 'g')), 'UTF8')), 'hex') AS digest, raw.*
        FROM jsonb_to_recordset(%(alerts)s::jsonb)
            AS raw (type text, severity text, source text, message text, virtual_account text)
    ) told ORDER BY digest
),
gone AS (
    DELETE FROM mirror_cssmalert WHERE smart_account_id = %(account)s AND digest NOT IN (SELECT digest FROM listed)
)
INSERT INTO mirror_cssmalert
    (smart_account_id, digest, type, severity, source, message, virtual_account, seen_at)
SELECT %(account)s, digest, left(type, 300), left(severity, 30), left(source, 600), message, left(virtual_account, 300),
    %(now)s
FROM listed
ON CONFLICT (smart_account_id, digest) DO UPDATE SET severity = excluded.severity, message = excluded.message
WHERE (mirror_cssmalert.severity, mirror_cssmalert.message) IS DISTINCT FROM (excluded.severity, excluded.message)
"""


def fetch(client: CssmClient, account: AccountRef) -> str | None:
    """Return the alerts as JSON for STORE, "[]" where Cisco does not offer them.

    Return None where they cannot be read this time; the stored ones then stay.
    """
    try:
        return json.dumps([asdict(alert) for alert in client.alerts(account) or ()])
    except CssmError as error:
        log.warning("Cisco's own alerts of %s could not be read: %s", account.name, error.message)
        return None
