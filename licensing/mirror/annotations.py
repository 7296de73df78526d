"""Save what people note about mirrored rows."""

from django.db import transaction

from licensing.mirror.models import VirtualAccount
from people import audit, users
from people.audit import Actor
from people.models import User


@transaction.atomic
def set_holder(
    actor: Actor, virtual_account: VirtualAccount, cost_center: str, region: str, owner: User | None
) -> None:
    """Set cost center, region and owner of a pool. Raises Refusal for an owner who has left."""
    users.check_owner(owner, virtual_account.owner_id)
    audit.change(actor, "changed", virtual_account, cost_center=cost_center.strip(), region=region.strip(), owner=owner)


@transaction.atomic
def set_note(actor: Actor, row: VirtualAccount, note: str) -> None:
    audit.change(actor, "changed", row, note=note.strip())
