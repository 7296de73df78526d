"""Keep assignments out of a virtual account that is being deleted at Cisco."""

from kit.refusals import Refusal
from kit.worker_lock import WorkerLock
from licensing.mirror.models import VirtualAccount

DELETION = WorkerLock("virtual account deletion", "mirror_virtualaccount")


def check_stays(pool: VirtualAccount) -> None:
    """Raise Refusal while the pool is being deleted at Cisco.

    Call it with the pool's row locked, before you put something into the pool.
    """
    if DELETION.is_held(pool.pk):
        raise Refusal(
            f"{pool} is being deleted at Cisco right now.", "Choose another virtual account.", "virtual_account"
        )
