"""Start and end out-of-compliance clocks with each evaluation, and save their owner and note."""

from django.db import transaction

from licensing.alerts.models import Overage
from people import audit, users
from people.models import User

# Opens what is out of compliance and has no open clock, ends what no longer is. Nothing is known of paused accounts, so
# their clocks go on. Parameter: %(now)s.
FOLLOW = """
WITH watched AS (
    SELECT license.id,
        license.status = 'out_of_compliance' AND license.gone_at IS NULL AND pool.gone_at IS NULL AS short
    FROM mirror_license license
    JOIN mirror_virtualaccount pool ON pool.id = license.virtual_account_id
    JOIN accounts_smartaccount account ON account.id = pool.smart_account_id AND account.paused_at IS NULL
    WHERE license.status = 'out_of_compliance'
        OR EXISTS (SELECT FROM alerts_overage open WHERE open.license_id = license.id AND open.ended_at IS NULL)
),
ended AS (
    UPDATE alerts_overage overage SET ended_at = %(now)s
    FROM watched WHERE watched.id = overage.license_id AND overage.ended_at IS NULL AND NOT watched.short
)
INSERT INTO alerts_overage (license_id, since, note) SELECT id, %(now)s, '' FROM watched WHERE short
ON CONFLICT (license_id) WHERE ended_at IS NULL DO NOTHING
"""


@transaction.atomic
def take_care(actor: audit.Actor, overage: Overage, owner: User | None, note: str) -> Overage:
    """Set the owner of a clock and the note on what is being done. Raises Refusal for an owner who has left."""
    users.check_owner(owner, overage.owner_id)
    audit.change(actor, "changed", overage, owner=owner, note=note.strip())
    return overage
