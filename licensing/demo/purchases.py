"""Write what each sync of the made-up past saw arrive, and enter the orders behind it and a price list.

Orders are in every state: delivered, delivered in part, overdue, in the wrong account, and just ordered. Those whose
subscription nobody has mapped are left as proposals.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from django.utils import timezone

from licensing.accounts.models import SmartAccount
from licensing.cisco.emulator.borrowing import (
    BASIC,
    CUWL,
    ENHANCED,
    ENHANCED_PLUS,
    ESSENTIAL,
    HCS_FOUNDATION,
    HCS_RESPONDER,
    HCS_ROOM,
    HCS_STANDARD,
    HCS_UNITY,
    HCS_UNITY_BASIC,
    RESPONDER,
    ROOM,
    UNITY,
    UNITY_BASIC,
)
from licensing.cisco.emulator.plan import DEFAULT, DEMOS, OPERATIONAL, Order, orders_of
from licensing.demo.past import DAYS, Past
from licensing.figures.models import Price
from licensing.figures.prices.saving import save_price
from licensing.fleet.models import Customer
from licensing.mirror.models import License, LicenseLine, Subscription, SyncRun
from licensing.orders import saving
from licensing.orders.models import Movement
from licensing.orders.models import Order as EnteredOrder
from people.audit import Actor

Kind = Movement.Kind
BATCH = 2_000
DOMAINS = {demo.domain for demo in DEMOS}
MODELS = ("named_user", "enterprise_agreement", "named_user")
NOT_MAPPED = 5  # one in this many subscriptions is left for people to map
# A month, made up. The license of Expressway has no price, so that the pages show what that looks like.
PRICES = {
    HCS_STANDARD: "6.40",
    HCS_FOUNDATION: "3.20",
    HCS_ROOM: "9.50",
    HCS_UNITY: "1.90",
    HCS_UNITY_BASIC: "0.90",
    HCS_RESPONDER: "0.60",
    CUWL: "8.10",
    ENHANCED_PLUS: "6.20",
    ENHANCED: "4.70",
    BASIC: "2.30",
    ESSENTIAL: "1.10",
    ROOM: "9.20",
    UNITY: "1.80",
    UNITY_BASIC: "0.80",
    RESPONDER: "0.55",
}
CURRENCIES = {"acme.example": "EUR", "globex.example": "USD"}


def write_movements(account: SmartAccount, past: Past, runs: Mapping[int, SyncRun]) -> None:
    """Write the movements that these syncs, by age, would have noted. Those of the real first sync go."""
    Movement.objects.filter(virtual_account__smart_account=account).delete()
    licenses = {
        (row.virtual_account_id, row.name): row
        for row in License.objects.filter(virtual_account__smart_account=account)
    }
    Movement.objects.bulk_create(
        (
            Movement(
                at=runs[steps[0].ago].queued_at,
                sync_run=runs[steps[0].ago].pk,
                license=licenses[supply.virtual_account, supply.license_name],
                license_name=supply.license_name,
                virtual_account_id=supply.virtual_account,
                subscription_id=supply.subscription_id,
                order_number=supply.order_number,
                quantity=supply.quantity,
                kind=Kind.FIRST if steps[0].ago == DAYS else Kind.DEPOSIT,
            )
            for supply, steps in past.supplies
        ),
        batch_size=BATCH,
    )


def map_subscriptions(account: SmartAccount, now: datetime) -> None:
    """Date subscriptions back and map them to the customers that ordered them.

    One in NOT_MAPPED is left for people to map: the smallest, and none of a customer with several, because with half of
    its orders its figures would mislead. Those of a local account are mapped.
    """
    orders = {order.subscription: order for order in orders_of(account.domain) if order.subscription}
    customers = {row.name.lower(): row for row in Customer.objects.all()}
    several = {name for name, number in Counter(order.customer for order in orders.values()).items() if number > 1}
    single = sorted(
        (order for order in orders.values() if order.customer not in several and account.domain in DOMAINS),
        key=lambda order: sum(order.ordered.values()),
    )
    left = {order.subscription for order in single[: len(orders) // NOT_MAPPED]}
    rows = list(Subscription.objects.filter(smart_account=account, subscription_id__in=orders))
    for number, row in enumerate(sorted(rows, key=lambda row: row.subscription_id)):
        order = orders[row.subscription_id]
        row.first_seen_at = now - timedelta(days=min(order.age, DAYS))
        if row.subscription_id not in left:
            row.customer = customers.get(order.customer)
            row.license_model = MODELS[number % len(MODELS)]
    Subscription.objects.bulk_update(rows, ["first_seen_at", "customer", "license_model"])


def enter_orders(account: SmartAccount, now: datetime, by: Actor) -> None:
    """Enter the orders of the partner and of customers whose subscriptions are mapped."""
    mapped = set(account.subscriptions.mapped().values_list("subscription_id", flat=True))
    customers = {row.name.lower(): row for row in Customer.objects.all()}
    pools = {pool.name: pool for pool in account.virtual_accounts.present()}
    lines = LicenseLine.objects.present().filter(license__virtual_account__smart_account=account)
    terms = {number: (start, end) for number, start, end in lines.values_list("order_number", "start", "end")}
    for order in orders_of(account.domain):
        if order.subscription and order.subscription not in mapped:
            continue
        start, end = terms[order.number]
        entered = EnteredOrder(
            smart_account=account,
            number=order.number,
            subscription_id=order.subscription,
            ordered_on=start or timezone.localdate(now - timedelta(days=order.age)),
            customer=customers.get(order.customer),
            virtual_account=pools[_expected(order)],
            renewal_on=end,
            contract=f"C-{order.number[-5:]}" if order.subscription else "",
        )
        saving.save_order(by, entered, [saving.LineSpec(*line) for line in order.ordered.items()])


def add_prices(account: SmartAccount, now: datetime, by: Actor) -> None:
    """Add the price list of the partner, in its currency."""
    valid_from = (now - timedelta(days=DAYS)).date()
    for name, amount in PRICES.items():
        row = Price(
            license_name=name, currency=CURRENCIES[account.domain], amount=Decimal(amount), valid_from=valid_from
        )
        save_price(by, row)


def _expected(order: Order) -> str:
    """Return the pool in which an order should arrive. What lies in the default one went astray."""
    return OPERATIONAL if order.target == DEFAULT else order.target
