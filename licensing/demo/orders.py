"""Write what the made-up past brought as movements, and enter most of the demo's orders."""

from datetime import datetime, timedelta

from django.utils import timezone

from licensing.accounts.models import SmartAccount
from licensing.cisco.emulator.plan import FIRST_ORDER, plan_of
from licensing.cisco.emulator.plan import Order as Planned
from licensing.demo.past import DAYS, Past
from licensing.fleet.models import Customer
from licensing.mirror.models import License, SyncRun, VirtualAccount
from licensing.orders.models import Movement, Order, OrderLine

NOT_ENTERED = 4  # one in this many orders is left for people to accept
BATCH = 2_000


def write(account: SmartAccount, past: Past, runs: dict[int, SyncRun], now: datetime) -> None:
    """`runs`: the sync that saw what arrived, by its age in days."""
    Movement.objects.filter(virtual_account__smart_account=account).delete()
    _write_movements(past, runs, now)
    _enter_orders(account)


def _write_movements(past: Past, runs: dict[int, SyncRun], now: datetime) -> None:
    licenses = {(row.virtual_account_id, row.name): row for row in past.states}
    rows = []
    for supply, steps in past.supplies:
        row: License = licenses[supply.virtual_account, supply.license_name]
        before = 0
        for step in steps:
            run = runs.get(step.ago) or runs[DAYS]
            change, before = step.quantity - before, step.quantity
            if change:
                rows.append(
                    Movement(
                        at=now - timedelta(days=step.ago),
                        sync_run=run.pk,
                        virtual_account_id=supply.virtual_account,
                        license=row,
                        license_name=row.name,
                        subscription_id=supply.subscription_id,
                        order_number=supply.order_number,
                        quantity=change,
                        kind=_kind_of(step.ago, change),
                    )
                )
    Movement.objects.bulk_create(rows, batch_size=BATCH)


def _kind_of(ago: int, change: int) -> Movement.Kind:
    if ago >= DAYS:
        return Movement.Kind.FIRST
    return Movement.Kind.DEPOSIT if change > 0 else Movement.Kind.WITHDRAWAL


def _enter_orders(account: SmartAccount) -> None:
    """Enter the orders, but for some of the oldest ones, which the portal proposes."""
    plan = plan_of(account.domain)
    planned = plan.orders if plan else ()
    chosen = [
        order
        for number, order in enumerate(planned)
        if order.listed and (order.age < FIRST_ORDER or number % NOT_ENTERED)
    ]
    customers = {row.name.lower(): row for row in Customer.objects.all()}
    operational = account.virtual_accounts.present().filter(purpose=VirtualAccount.Purpose.OPERATIONAL).first()
    today = timezone.localdate()
    rows = Order.objects.bulk_create(
        Order(
            smart_account=account,
            number=order.number,
            subscription_id=order.subscription,
            ordered_on=today - timedelta(days=order.age),
            customer=customers.get(order.customer),
            virtual_account=operational,
            renewal_on=today + timedelta(days=order.end) if order.subscription else None,
            contract=f"2{order.number[-6:]}",
        )
        for order in chosen
    )
    OrderLine.objects.bulk_create(
        line for row, order in zip(rows, chosen, strict=True) for line in _lines_of(row, order)
    )


def _lines_of(row: Order, order: Planned) -> list[OrderLine]:
    lines = [(name, quantity) for name, quantity in order.ordered.items() if quantity > 0]
    return [
        OrderLine(order=row, position=place, license_name=name, quantity=quantity)
        for place, (name, quantity) in enumerate(lines, 1)
    ]
