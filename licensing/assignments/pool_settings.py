"""Set the purpose and the license mode of virtual accounts."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from kit import guards
from kit.guards import list_blockers
from kit.refusals import Refusal
from kit.wording import choose, shorten
from licensing.accounts.models import SmartAccount
from licensing.assignments.models import Assignment
from licensing.mirror import purposes
from licensing.mirror.annotations import set_holder, set_note
from licensing.mirror.models import VirtualAccount
from people import audit
from people.audit import Actor

END_FIRST = ("End these assignments first.",)


def assigned_to(rows: QuerySet[Assignment]) -> tuple[str, ...]:
    """Return one sentence for each current assignment that stands in the way."""
    ordered = rows.select_related("cluster__customer", "virtual_account").order_by("cluster__name", "pk")
    return list_blockers(ordered, _describe_assignment)


def _describe_assignment(row: Assignment) -> str:
    return f"{row.cluster} of {row.cluster.customer} is assigned to {row.virtual_account}: end that first."


@transaction.atomic
def set_purpose(actor: Actor, virtual_account: VirtualAccount, purpose: str) -> None:
    if purpose not in VirtualAccount.Purpose.values:
        raise Refusal(
            f"{purpose!r} is not a purpose.", f"Choose one of {', '.join(VirtualAccount.Purpose.values)}.", "purpose"
        )
    # Two people may choose the same purpose at once. The second gets a Refusal that names the virtual account.
    SmartAccount.objects.select_for_update(no_key=True).get(pk=virtual_account.smart_account_id)
    others = VirtualAccount.objects.filter(smart_account=virtual_account.smart_account_id, purpose=purpose)
    other = others.exclude(pk=virtual_account.pk).first()
    if other and purpose != VirtualAccount.Purpose.GENERAL:
        raise Refusal(
            f"{other} is the {purpose} pool of this smart account already.", f"Set {other} to general first.", "purpose"
        )
    if purpose == VirtualAccount.Purpose.ORDERED:
        refuse_while_assigned(f"{virtual_account} cannot become the ordered pool", [virtual_account])
    audit.change(actor, "changed", virtual_account, purpose=purpose)


def purpose_suggestions(pools: Iterable[VirtualAccount]) -> list[purposes.Suggestion]:
    """Suggest purposes for the present virtual accounts of one smart account, by their names."""
    general = VirtualAccount.Purpose.GENERAL
    pools = list(pools)
    taken = {pool.purpose for pool in pools if pool.purpose != general}
    return purposes.suggest([pool.name for pool in pools if pool.purpose == general], taken)


@transaction.atomic
def set_license_mode(actor: Actor, virtual_account: VirtualAccount, mode: str) -> None:
    if mode not in VirtualAccount.LicenseMode.values:
        raise Refusal(f"{mode!r} is not a license mode.", "Choose hcs, enterprise or none.", "license_mode")
    # The row is read again: somebody may have changed it since the caller read it.
    stored = VirtualAccount.objects.select_for_update(no_key=True).get(pk=virtual_account.pk)
    if mode != stored.license_mode:
        refuse_while_assigned(
            f"The license mode of {virtual_account} cannot change", [virtual_account], field="license_mode"
        )
    audit.change(actor, "changed", virtual_account, license_mode=mode)


@transaction.atomic
def save_virtual_account(actor: Actor, virtual_account: VirtualAccount, wanted: Mapping[str, Any]) -> None:
    """Set what people decide about a pool. `wanted` holds the fields of VirtualAccount.OWN to set; the others stay."""
    for name, decide in (("purpose", set_purpose), ("license_mode", set_license_mode), ("note", set_note)):
        if name in wanted and wanted[name] != getattr(virtual_account, name):
            decide(actor, virtual_account, wanted[name])
    holder = {name: getattr(virtual_account, name) for name in ("cost_center", "region", "owner")}
    if holder.keys() & wanted.keys():
        set_holder(actor, virtual_account, **{name: wanted.get(name, stored) for name, stored in holder.items()})


def refuse_while_assigned(
    sentence: str,
    pools: QuerySet[VirtualAccount] | list[VirtualAccount],
    field: str = "",
    guard: guards.Guard | None = None,
) -> None:
    """Raise Refusal while clusters are assigned to these pools.

    `guard` holds everything that stands in the way, where that is more than assignments.
    """
    # Assigning takes the same lock, so no cluster is assigned between our look and our change.
    held = VirtualAccount.objects.select_for_update(no_key=True).filter(pk__in=[pool.pk for pool in pools])
    list(held.order_by("pk").values_list("pk"))
    assigned = Assignment.objects.current().filter(virtual_account__in=pools).select_related("cluster")
    clusters = [assignment.cluster for assignment in assigned]
    if clusters:
        one = len(clusters) == 1
        guard = guard or guards.Guard(assigned_to(assigned), END_FIRST)
        raise Refusal(
            f"{sentence} while {shorten(clusters)} {choose(len(clusters), 'is', 'are')} assigned.",
            f"End {'that assignment' if one else 'those assignments'} first.",
            field,
            guard.blockers,
            guard.steps,
        )
