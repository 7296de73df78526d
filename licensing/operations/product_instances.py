"""Removing a product instance at Cisco, and moving it to another virtual account (docs/domain.md#B4).

Removing frees its licenses; it is refused while the instance uses export-restricted licenses, and a reserved one
needs the return code that its device shows. Moving takes its reservations along, and no licenses. After a write,
answered or not, Cisco's list decides (`cssm.write_back`). The mirror is left to the next sync. These functions raise
CssmError.
"""

import re

from django.db import transaction

from kit.refusals import Refusal
from licensing.accounts import clients
from licensing.cisco.client import CssmClient
from licensing.cisco.errors import CssmRefused
from licensing.cisco.types import AccountRef
from licensing.cisco.types import ProductInstance as Listed
from licensing.cisco.write_back import Finding, Words, check_items, found, write_and_verify
from licensing.fleet import matching
from licensing.mirror.models import ProductInstance, VirtualAccount
from people import audit

RESERVED = re.compile(r"reserv", re.IGNORECASE)  # in Cisco's words for a status (docs/cisco-api.md#product-states)
UNKNOWN = "Whether it was done is not known."
LOOK = "Start a sync and look where Cisco lists it before you try again."


def remove(actor: audit.Actor, instance: ProductInstance, return_code: str = "") -> None:
    """Waits for Cisco: call it where waiting is allowed, outside of a transaction. Raises Refusal and CssmError."""
    check_removal(instance, return_code)
    pool = instance.virtual_account
    with clients.client_of(pool.smart_account) as client:
        account, listed = clients.account_ref(pool.smart_account), _find_listed(client, instance)
        _check_restricted(client, account, instance)
        write_and_verify(
            lambda: check_items(client.remove_product_instances(account, pool.name, [listed], return_code)),
            lambda: found(None if _is_listed(client, account, pool.name, listed) else True),
            Words(f"{instance} is still listed in {pool}.", UNKNOWN, LOOK),
        )
    audit.record(actor, "removed at Cisco", instance, changes={"virtual_account": [str(pool), ""]})


def replace(actor: audit.Actor, instance: ProductInstance, successor: ProductInstance, return_code: str = "") -> None:
    """The device was replaced (docs/domain.md#I4): its cluster and note go to the one that has registered in its place,
    and it is removed at Cisco, so that its licenses are not used twice. As `remove`. One that is gone already is only
    handed over: so a removal whose answer was lost is brought to its end.
    """
    check_replacement(instance, successor, return_code)
    if instance.gone_at is None:
        remove(actor, instance, return_code)
    _hand_over(actor, instance, successor)


def transfer(actor: audit.Actor, instance: ProductInstance, target: VirtualAccount) -> None:
    """Refuse a removal that `remove` would refuse, without asking Cisco."""
    check_transfer(instance, target)
    pool = instance.virtual_account
    with clients.client_of(pool.smart_account) as client:
        account, listed = clients.account_ref(pool.smart_account), _find_listed(client, instance)

        def find() -> Finding[bool]:
            arrived = _is_listed(client, account, target.name, listed)
            return found(True if arrived and not _is_listed(client, account, pool.name, listed) else None)

        write_and_verify(
            lambda: check_items(client.transfer_product_instances(account, pool.name, target.name, [listed])),
            find,
            Words(f"{instance} is not listed in {target} alone.", UNKNOWN, LOOK),
        )
    audit.record(actor, "moved at Cisco", instance, changes={"virtual_account": [str(pool), str(target)]})


def check_removal(instance: ProductInstance, return_code: str = "") -> None:
    """Raise Refusal for what need not be asked at Cisco."""
    _check_present(instance)
    if is_reserved(instance) and not return_code.strip():
        raise Refusal(
            f"{instance} holds reserved licenses, so Cisco asks for a return code.",
            "Return the reservation on the device and enter the code that it shows.", "return_code",
        )  # fmt: skip


def check_replacement(instance: ProductInstance, successor: ProductInstance, return_code: str = "") -> None:
    if instance.gone_at is None:
        check_removal(instance, return_code)
    if successor.pk == instance.pk:
        raise Refusal(f"{instance} cannot replace itself.", "Choose the one that came in its place.", "successor")
    if successor.gone_at is not None:
        raise Refusal(f"Cisco no longer lists {successor}.", "Choose one that is registered.", "successor")
    if successor.virtual_account.smart_account_id != instance.virtual_account.smart_account_id:
        words = f"{successor} is registered in another smart account."
        raise Refusal(words, "Register it in the smart account of the old one first.", "successor")
    other = successor.cluster if successor.cluster_by_hand else None
    if other is not None and instance.cluster_id is not None and other.pk != instance.cluster_id:
        words = f"Somebody has decided that {successor} belongs to {other}."
        raise Refusal(words, "Change that on its page first, if it is wrong.", "successor")


def check_transfer(instance: ProductInstance, target: VirtualAccount) -> None:
    _check_present(instance)
    if target.pk == instance.virtual_account_id:
        raise Refusal(f"{instance} is in {target} already.", "Choose another virtual account.", "virtual_account")
    if target.smart_account_id != instance.virtual_account.smart_account_id:
        words = f"{target} belongs to another smart account; Cisco moves product instances within one."
        raise Refusal(words, "Choose a virtual account of the same smart account.", "virtual_account")
    if target.gone_at is not None:
        raise Refusal(f"Cisco no longer lists {target}.", "Choose a virtual account that exists.", "virtual_account")
    if why := target.not_serving:
        raise Refusal(why, target.CHOOSE_SERVING, "virtual_account")


def is_reserved(instance: ProductInstance) -> bool:
    return bool(RESERVED.search(instance.status))


@transaction.atomic
def _hand_over(actor: audit.Actor, instance: ProductInstance, successor: ProductInstance) -> None:
    if instance.cluster is not None:
        matching.settle(actor, successor, instance.cluster)
    if instance.note and not successor.note:
        audit.change(actor, "changed", successor, note=instance.note)


def _check_present(instance: ProductInstance) -> None:
    if instance.gone_at is not None:
        raise Refusal(f"Cisco no longer lists {instance}.", "There is nothing to do.")
    account = instance.virtual_account.smart_account
    if account.paused_at is not None:
        raise Refusal(f"{account} is paused.", "Resume the smart account first.")


def _find_listed(client: CssmClient, instance: ProductInstance) -> Listed:
    """Return it as Cisco lists it now: its identity goes into the call as it is."""
    pool = instance.virtual_account
    found = client.search_product_instances(clients.account_ref(pool.smart_account), pool.name)
    listed = next((row for row in found if row.identity == instance.identity), None)
    if listed is None:
        raise Refusal(f"Cisco does not list {instance} in {pool} any more.", "Start a sync to see where it is.")
    return listed


def _is_listed(client: CssmClient, account: AccountRef, pool: str, listed: Listed) -> bool:
    return any(row.identity == listed.identity for row in client.search_product_instances(account, pool))


def _check_restricted(client: CssmClient, account: AccountRef, instance: ProductInstance) -> None:
    """Refuse if this server names restricted licenses; else Cisco itself refuses (docs/cisco-api.md#restricted)."""
    try:
        known = client.entitlements(account, instance.virtual_account.name) or []
    except CssmRefused:
        return
    restricted = {entitlement.name for entitlement in known if entitlement.export_restricted}
    used = [use.license_name for use in instance.usage.all() if use.quantity and use.license_name in restricted]
    if used:
        raise Refusal(
            f"{instance} uses export-restricted licenses: {', '.join(used)}.",
            "Return them on the device first; Cisco removes no instance that holds them.",
        )
