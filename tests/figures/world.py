"""One partner's world at the emulator: random events in months, each followed by a sync.

The world knows what really happened, so it can tell the oracle (tests/figures/oracle.py) what no listing says: which
licenses moved, whose a host or a subscription is, and what was ordered.
"""

import copy
import random
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from django_tenants.utils import tenant_context

from licensing.accounts.models import SmartAccount
from licensing.cisco.emulator.moves import transfer_licenses
from licensing.cisco.emulator.server import EmulatorThread
from licensing.figures.positions import Position
from licensing.fleet import clusters as saving
from licensing.fleet import matching
from licensing.fleet.models import Cluster, Customer
from licensing.mirror.models import License, ProductInstance, Subscription, VirtualAccount
from licensing.mirror.sync import runs
from licensing.operations import syncing
from licensing.orders.models import Order, OrderLine
from licensing.pools import subscriptions
from licensing.pools.models import TransferPlan
from licensing.pools.transfers import executing, planning
from licensing.pools.transfers.planning import Wanted
from people import audit
from tenants.models import Partner
from tests import factories as make
from tests.figures.oracle import TAGS, EnteredOrder, Facts, Move, Owner, Raw, Rows, Snapshot
from tests.fixtures import account_of
from tests.wire import term_line

RECORD, RUNNING, SPARE, DEFAULT = "Record", "Running", "Spare", "DEFAULT"
POOLS = (RECORD, RUNNING, SPARE, DEFAULT)
NAMES = tuple(TAGS)
FIGURES = (
    "owned",
    "ordered",
    "delivered",
    "undelivered",
    "used",
    "covered_by_own",
    "covered_by_higher",
    "covered_by_dual_parenting",
    "lent",
    "short_by_cisco",
    "short_with_borrowing",
    "true_forward",
    "used_by_cisco",
    "unexplained_use",
)


class World:
    """Runs on the clock of the test. All methods work in the partner's schema."""

    def __init__(self, partner: Partner, emulator: EmulatorThread, seed: str) -> None:
        self.partner, self.chance = partner, random.Random(f"{partner.schema_name} {seed}")
        self.hosts: dict[str, Owner] = {}
        self.facts = Facts({RECORD})
        self.extra: Counter[tuple[str, str]] = Counter()  # what Cisco counts beyond what instances use
        self.log: list[str] = []
        self._number = 0
        with tenant_context(partner):
            self.cisco = emulator.state.add(f"{partner.schema_name}.example", partner.name)
            for pool in POOLS[:-1]:
                self.cisco.add_pool(pool)
            self.customers = [make.make_customer(name=f"Customer {number}") for number in range(4)]
            self.clusters = [self._add_cluster(number) for number in range(6)]
            self.account = account_of(emulator, self.cisco.domain)
            for _ in range(5):
                self.buy()
                self.register()
            self.sync()
            for name, purpose in ((RECORD, "ordered"), (RUNNING, "operational")):
                VirtualAccount.objects.filter(name=name).update(purpose=purpose)

    def _add_cluster(self, number: int) -> Cluster:
        host = f"cucm-{number}.{self.partner.schema_name}.example"
        cluster = make.make_cluster({host: "publisher"}, customer=self.customers[number % 3], name=f"Cluster {number}")
        self.hosts[host] = cluster.customer_id, cluster.pk
        return cluster

    # --- Time ---

    def happen(self) -> None:
        """Let one thing happen, with or without a change of who uses what, and sync."""
        event = self.chance.choice(EVENTS)
        with tenant_context(self.partner):
            self.log.append(f"{timezone.now():%Y-%m-%d %H:%M} {event.__name__}")
            event(self)
            if self.chance.random() < 0.4:
                self.change_use()
            self.sync()

    def sync(self) -> None:
        self._count_use()
        self.raw = copy.deepcopy((self.cisco.licenses, self.cisco.devices))
        run, _ = runs.request(self.account, "test")
        done = syncing.run_sync(run)
        assert done.status == "succeeded", (done.cause, self.log)
        for subscription, seen in Subscription.objects.values_list("subscription_id", "first_seen_at"):
            self.facts.first_seen.setdefault(subscription, seen.date())

    def snapshot(self) -> Snapshot:
        return Snapshot(*self.raw, dict(self.hosts))

    def _count_use(self) -> None:
        """Let Cisco count what instances use, and what else it counts."""
        used: Counter[tuple[str, str]] = Counter()
        for device in self.cisco.devices:
            for part in device["licenseUsage"]:
                used[device["virtualAccount"], part["license"]] += part["quantity"]
        for place in self.extra + used:
            if place[1] != "Another License":  # its use is listed at the instances alone
                self.cisco.set_license(*place)
        for raw in self.cisco.licenses:
            place = raw["virtualAccount"], raw["license"]
            self.cisco.set_license(*place, inUse=used[place] + self.extra[place])

    # --- What happens ---

    def buy(self) -> None:
        """A customer orders: the ordered pool records it, and Cisco deposits all, a part or nothing."""
        name, quantity, subscription = self._name(), self.chance.randrange(1, 60), self._new("Sub")
        self._deposit(RECORD, name, quantity, subscription)
        part = self.chance.choice((0, quantity // 2, quantity, quantity + 5))
        if part:
            self._deposit(RUNNING, self._spelled(name), part, subscription)

    def deposit(self) -> None:
        """Cisco deposits licenses of a purchase, seldom in the right pool, some of them without a name."""
        subscription = self.chance.choice(["", *self._subscriptions()])
        pool = self.chance.choice((RUNNING, RUNNING, SPARE, DEFAULT))
        self._deposit(pool, self._name(), self.chance.randrange(1, 30), subscription)

    def move_in_cssm(self) -> None:
        self._move(self._transfer_in_cssm, POOLS)

    def move_by_portal(self) -> None:
        self._move(self._transfer_by_portal, POOLS[1:])

    def end_term(self) -> None:
        """A subscription ends in one pool, or a quantity without a name shrinks."""
        raw = self.chance.choice(self.cisco.licenses)
        lines = raw["licenseDetails"]
        if lines:
            line = lines.pop(self.chance.randrange(len(lines)))
            raw["quantity"] -= line["quantity"]
        else:
            raw["quantity"] //= 2

    def expire(self) -> None:
        """Cisco counts a term no longer, and lists its line still."""
        lines = [(raw, line) for raw in self.cisco.licenses for line in raw["licenseDetails"]]
        if lines:
            raw, line = self.chance.choice(lines)
            if line["status"] == "ACTIVE" and raw["quantity"] == sum(part["quantity"] for part in _active(raw)):
                raw["quantity"] -= line["quantity"]
                line["status"] = "EXPIRED"

    def register(self) -> None:
        """A product registers: of a cluster, or with a host that nobody knows."""
        known = [host for host in self.hosts if not host.startswith("unknown")]
        host = self.chance.choice([*known, f"unknown-{self._new('')}.example"])
        pool = self.chance.choice((RUNNING, RUNNING, SPARE, DEFAULT, RECORD))
        names = self.chance.sample(NAMES, 2)
        use = {name: self.chance.randrange(25) for name in names}
        self.cisco.add_device(pool, self._new(self.partner.schema_name), use, hostName=host)

    def remove(self) -> None:
        if len(self.cisco.devices) > 3:
            self.cisco.devices.remove(self.chance.choice(self.cisco.devices))

    def move_instance(self) -> None:
        self.chance.choice(self.cisco.devices)["virtualAccount"] = self.chance.choice(POOLS)

    def change_use(self) -> None:
        for part in self.chance.choice(self.cisco.devices)["licenseUsage"]:
            part["quantity"] = self.chance.randrange(40)

    def miscount(self) -> None:
        """Cisco counts more than instances use, or reserves licenses."""
        raw = self.chance.choice(self.cisco.licenses)
        self.extra[raw["virtualAccount"], raw["license"]] = self.chance.choice((0, 0, 3, 9))
        raw["reserved"] = self.chance.choice((0, 0, 2))

    def map_subscription(self) -> None:
        found = Subscription.objects.order_by("subscription_id")
        row = self.chance.choice(list(found))
        customer = self.chance.choice(self.customers)
        subscriptions.map_to(audit.SYSTEM, row, customer, "named_user")
        self.facts.customers[row.subscription_id] = customer.pk

    def enter_order(self) -> None:
        """Somebody enters an order of today, for a subscription that Cisco knows or one that is still to come."""
        known = self.chance.choice([*self._subscriptions(), ""])
        number = self._new("Order")
        customer = self.chance.choice([None, *self.customers])
        order = Order.objects.create(
            smart_account=self.account,
            number=number,
            subscription_id=known,
            ordered_on=timezone.now().date(),
            customer=customer,
        )
        lines = {TAGS[name]: (name, self.chance.randrange(1, 70)) for name in self.chance.sample(NAMES, 2)}
        for place, (name, quantity) in enumerate(lines.values()):
            OrderLine.objects.create(order=order, position=place, license_name=name, quantity=quantity)
        quantities = {tag: quantity for tag, (_, quantity) in lines.items()}
        entered = EnteredOrder(order.pk, number, known, order.ordered_on, customer.pk if customer else 0, quantities)
        self.facts.orders.append(entered)
        if not known and self.chance.random() < 0.5:
            name, quantity = self.chance.choice(list(lines.values()))
            self._deposit(RUNNING, name, self.chance.randrange(1, quantity + 5), "", number)

    def match_by_hand(self) -> None:
        """Somebody says whose an unknown host is."""
        unknown = ProductInstance.objects.present().filter(host_name__startswith="unknown").order_by("serial")
        if instance := unknown.first():
            cluster = self.chance.choice(self.clusters)
            matching.save_product_instance(audit.SYSTEM, instance, {"cluster": cluster})
            self.hosts[instance.host_name] = cluster.customer_id, cluster.pk

    def hand_over(self) -> None:
        """A cluster belongs to another customer from now on."""
        cluster = self.chance.choice(self.clusters)
        before = audit.snapshot(cluster)
        cluster.customer = self.chance.choice(self.customers)
        saving.save_cluster(audit.SYSTEM, cluster, None, before)
        for host, (_, known) in self.hosts.items():
            if known == cluster.pk:
                self.hosts[host] = cluster.customer_id, cluster.pk

    # --- How it happens at Cisco ---

    def _deposit(self, pool: str, name: str, quantity: int, subscription: str = "", order: str = "") -> None:
        row = self.cisco.set_license(pool, name)
        lines = row["licenseDetails"]
        if subscription or order:
            dates = {"startDate": "2026-01-01", "endDate": "2099-01-01"}
            named = {"subscriptionId": subscription or None, "orderNumber": order or None}
            lines = [*lines, term_line(quantity, **dates, **named)]
        self.cisco.set_license(pool, name, quantity=row["quantity"] + quantity, licenseDetails=lines)

    def _move(self, transfer: Callable[[Raw, str, int], bool], targets: tuple[str, ...]) -> None:
        """Move licenses between pools, and keep what really moved of each purchase."""
        giving = [
            raw
            for raw in self.cisco.licenses
            if raw["available"] > 0 and raw["quantity"] > 0 and _active(raw) == raw["licenseDetails"]
        ]
        if not giving:
            return
        raw = self.chance.choice(giving)
        target = self.chance.choice([pool for pool in targets if pool != raw["virtualAccount"]])
        before, at = held(raw), timezone.now()
        if transfer(raw, target, self.chance.randrange(1, raw["available"] + 1)):
            for key, quantity in (before - held(raw)).items():
                move = Move(at, raw["virtualAccount"], target, TAGS[raw["license"]], key, quantity)
                self.facts.moves.append(move)

    def _transfer_in_cssm(self, raw: Raw, target: str, quantity: int) -> bool:
        item = {"license": raw["license"], "licenseType": "TERM", "quantity": quantity, "targetVirtualAccount": target}
        _, results = transfer_licenses(self.cisco, raw["virtualAccount"], {"licenses": [item]})
        return results[0]["status"] == "SUCCESS"

    def _transfer_by_portal(self, raw: Raw, target: str, quantity: int) -> bool:
        row = License.objects.select_related("virtual_account").get(
            virtual_account__name=raw["virtualAccount"], name=raw["license"]
        )
        quantity = min(quantity, sum(line["quantity"] for line in _active(raw)))
        if not quantity:
            return False
        wanted = [Wanted(row, VirtualAccount.objects.get(name=target), quantity)]
        plan = planning.create(audit.SYSTEM, self.account, wanted)
        TransferPlan.objects.filter(pk=plan.pk).update(state=TransferPlan.State.QUEUED, queued_at=timezone.now())
        executing.run(TransferPlan.objects.select_related("smart_account__license_server").get(pk=plan.pk))
        plan.refresh_from_db()
        assert plan.state == TransferPlan.State.DONE, (plan.cause, self.log)
        return True

    def _subscriptions(self) -> list[str]:
        lines = [line for raw in self.cisco.licenses for line in raw["licenseDetails"]]
        return sorted({line["subscriptionId"] for line in lines if line["subscriptionId"]})

    def _name(self) -> str:
        return self.chance.choice(NAMES)

    def _spelled(self, name: str) -> str:
        """Return the license in another spelling where it has one."""
        return self.chance.choice([other for other in NAMES if TAGS[other] == TAGS[name]])

    def _new(self, word: str) -> str:
        self._number += 1
        return f"{word}{self._number:05d}"


EVENTS: tuple[Callable[[World], None], ...] = (
    World.buy,
    World.deposit,
    World.deposit,
    World.move_in_cssm,
    World.move_in_cssm,
    World.move_by_portal,
    World.end_term,
    World.expire,
    World.register,
    World.register,
    World.remove,
    World.move_instance,
    World.change_use,
    World.miscount,
    World.map_subscription,
    World.enter_order,
    World.match_by_hand,
    World.hand_over,
)


def held(raw: Raw) -> Counter[str]:
    """Return what a license holds of each purchase."""
    found: Counter[str] = Counter()
    for line in raw["licenseDetails"]:
        found[line["subscriptionId"] or line.get("orderNumber") or ""] += line["quantity"]
    found[""] += max(raw["quantity"] - found.total(), 0)
    return found


def _active(raw: Raw) -> list[Raw]:
    return [line for line in raw["licenseDetails"] if line["status"] == "ACTIVE"]


def rows_of(positions: list[Position]) -> Rows:
    """Return positions in the oracle's form, without figures that are 0 or not defined."""
    found: Rows = {}
    for row in positions:
        key: Any = {"virtual_account": row.name, "license": None}.get(row.by, row.id or 0)
        figures = +Counter({name: getattr(row, name) or 0 for name in FIGURES})
        if figures:
            assert (key, row.license) not in found, row
            found[key, row.license] = figures
    return found


def later(moment: datetime, chance: random.Random) -> datetime:
    """Return a moment more than a day later: what leaves and what comes within a day may be one move."""
    return moment + timedelta(hours=chance.randrange(36, 420))
