"""Propose orders from what syncs saw: purchases that Cisco lists and nobody has entered."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.db import transaction
from django.utils import timezone

from kit.refusals import Refusal
from licensing.accounts.models import SmartAccount
from licensing.fleet.models import Customer
from licensing.mirror.models import LicenseLine, Subscription, VirtualAccount
from licensing.orders.delivery import Purchase, figures
from licensing.orders.models import Order
from licensing.orders.saving import LineSpec, save_order
from people.audit import Actor


@dataclass(frozen=True, slots=True)
class Proposal:
    """An order that a person may enter with one click. `purchases`: its figures, one for each license."""

    account: SmartAccount
    key: str
    subscription_id: str
    order_number: str
    customer: Customer | None
    ordered_on: date
    renewal_on: date | None
    purchases: tuple[Purchase, ...]

    @property
    def undelivered(self) -> int:
        return sum(one.undelivered for one in self.purchases)

    def __str__(self) -> str:
        return self.subscription_id or f"Order {self.order_number}"


def proposals(accounts: Iterable[SmartAccount] | None = None) -> list[Proposal]:
    """Return what can be entered, by smart account and purchase. A fixed number of statements."""
    known = {row.pk: row for row in (SmartAccount.objects.all() if accounts is None else accounts)}
    found: dict[tuple[int, str], list[Purchase]] = {}
    entered: set[tuple[int, str]] = set()
    for one in figures(known):
        if one.order:
            entered.add((one.smart_account, one.key))
        elif one.key and one.ordered > 0:
            found.setdefault((one.smart_account, one.key), []).append(one)
    places = [place for place in found if place not in entered]
    customers = Customer.objects.in_bulk({one.customer for place in places for one in found[place] if one.customer})
    terms = _terms(known) if places else {}
    return [
        _proposal(known[account], key, tuple(found[account, key]), customers, terms.get((account, key)))
        for account, key in places
    ]


def accept(actor: Actor, proposal: Proposal) -> Order:
    """Enter a proposed order. Its date, renewal and customer can be changed afterwards."""
    pools = VirtualAccount.objects.present().filter(smart_account=proposal.account)
    order = Order(
        smart_account=proposal.account,
        number=proposal.order_number,
        subscription_id=proposal.subscription_id,
        ordered_on=proposal.ordered_on,
        renewal_on=proposal.renewal_on,
        customer=proposal.customer,
        virtual_account=pools.filter(purpose=VirtualAccount.Purpose.OPERATIONAL).first(),
    )
    return save_order(actor, order, [LineSpec(one.license_name, one.ordered) for one in proposal.purchases])


@transaction.atomic
def accept_all(actor: Actor, chosen: Iterable[tuple[int, str]] | None = None) -> list[Order]:
    """Enter the chosen proposals, by smart account and key, or all of them."""
    wanted = None if chosen is None else set(chosen)
    found = [one for one in proposals() if wanted is None or (one.account.pk, one.key) in wanted]
    if not found:
        raise Refusal("These orders are entered already, or Cisco no longer lists them.", "Reload the page.")
    return [accept(actor, one) for one in found]


def _proposal(
    account: SmartAccount,
    key: str,
    purchases: tuple[Purchase, ...],
    customers: dict[int, Customer],
    term: tuple[date | None, date | None] | None,
) -> Proposal:
    first = purchases[0]
    start, end = term or (None, None)
    return Proposal(
        account=account,
        key=key,
        subscription_id=first.subscription_id,
        order_number=first.order_number,
        customer=customers.get(first.customer or 0),
        ordered_on=start or timezone.localdate(),
        renewal_on=end,
        purchases=purchases,
    )


def _terms(accounts: Iterable[int]) -> dict[tuple[int, str], tuple[date | None, date | None]]:
    """Return, by smart account and purchase, the first start and the last end of its lines.

    Where no line says when it starts, the day counts on which a sync first saw the subscription.
    """
    found: dict[tuple[int, str], tuple[date | None, date | None]] = {}
    lines = LicenseLine.objects.present().filter(license__virtual_account__smart_account__in=list(accounts))
    rows = lines.order_by().values_list(
        "license__virtual_account__smart_account", "subscription_id", "order_number", "start", "end"
    )
    for account, subscription, number, start, end in rows.distinct():
        first, last = found.get((account, subscription or number), (None, None))
        found[account, subscription or number] = (
            min(filter(None, (first, start)), default=None),
            max(filter(None, (last, end)), default=None),
        )
    seen = Subscription.objects.filter(smart_account__in=list(accounts)).order_by()
    for account, key, moment in seen.values_list("smart_account", "subscription_id", "first_seen_at"):
        first, last = found.get((account, key), (None, None))
        found[account, key] = (first or moment.date(), last)
    return found
