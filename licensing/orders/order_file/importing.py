"""Carry out a planned import of orders in one transaction."""

from django.db import transaction

from kit.refusals import Refusal
from licensing.accounts.models import SmartAccount
from licensing.orders.order_file.planning import Plan, plan
from licensing.orders.saving import save_order
from people.audit import Actor


class LooksDifferent(Refusal):
    """Something has changed since the preview, so other lines are bad now. Show the preview again."""


@transaction.atomic
def carry_out(actor: Actor, text: str, accepted: list[int]) -> Plan:
    """Import all lines but the bad ones, whose numbers are `accepted` as left out. On Refusal nothing is done."""
    SmartAccount.objects.select_for_update(no_key=True).order_by("pk").first()  # of two imports at once, one waits
    found = plan(text)
    if [bad.number for bad in found.bad] != accepted:
        raise LooksDifferent("The orders have changed since this preview was made.", "Check the new preview below.")
    for entry in found.orders.values():
        if entry.is_new or entry.is_changed:
            save_order(actor, entry.order, list(entry.all_lines.values()), entry.before)
    return found
