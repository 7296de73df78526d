"""Plan the demo: the customers of two partners, their clusters, what these use, and what was ordered for them.

All names are made up. The same seed gives the same plan. Ages are counted in days before today.
"""

import random
from dataclasses import dataclass, field
from functools import lru_cache

from licensing.cisco.emulator.borrowing import (
    BASIC,
    CUWL,
    ENHANCED,
    ENHANCED_PLUS,
    ESSENTIAL,
    EXPRESSWAY,
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

DEFAULT, ORDERED, OPERATIONAL = "DEFAULT", "va-hcs-ordered", "va-hcs-operational"
SITE = "Own network"  # the pool of a partner's On-Prem server
HCS, ENTERPRISE = "hcs", "enterprise"
LIVE = 41  # Age of the rollout that is short of licenses since, and of its shortage.
RECENT = 12  # Age of the cluster that went live last.
FIRST_ORDER, ROLLOUT_ORDER, ROLLOUT_ARRIVED, OVERDUE, FRESH = 400, 80, 64, 75, 4
SLACK = (1.03, 1.0, 0.98, 1.02, 0.97)  # Ordered by used, customer by customer: some have grown past their order.
AMPLE = (1.14, 1.2, 1.12)
# Days to the end of an order's term. One order in SOON_EVERY ends soon.
ENDS, SOON, SOON_EVERY = (140, 190, 260, 310, 480, 700), (9, 58, 24, 80), 12


@dataclass(frozen=True)
class Pool:
    name: str
    description: str
    mode: str
    names: str  # of its customers
    growth: float = 0.0  # of use in half a year; 0: each cluster at its own slow pace

    @property
    def customers(self) -> list[str]:
        return self.names.split()


@dataclass(frozen=True)
class Demo:
    """A demo is the story of one partner. `short`: licenses of the rollout's order that have not arrived."""

    domain: str
    name: str
    seed: int
    pools: tuple[Pool, ...]
    on_prem: tuple[str, ...]
    rollout: str  # the customer whose new cluster went live LIVE days ago
    short: int
    slack: float  # on top of SLACK
    rooms_short: int
    expressway: str
    late: tuple[str, str, str]  # customers whose orders are overdue, in the wrong account, and fresh
    recent: str
    misplaced: bool  # A product registered in the ordered pool.
    twins: tuple[str, str]  # Clusters of both have the same first label; that of the second registered without domain.

    @property
    def local_account(self) -> str:
        """Return the name of the local account on the partner's On-Prem server."""
        return f"{self.name} On-Prem"

    @property
    def short_host(self) -> str:
        return "cucm-west-pub"


DEMOS = (
    Demo(
        domain="acme.example",
        name="Acme Communications",
        seed=11,
        pools=(
            Pool(
                OPERATIONAL,
                "What the applications use",
                HCS,
                "northwind meadow stonegate orchard falcon riverside amberly birchfield copperhill dovetail elmhurst "
                "foxglove greystone hollybrook ironbridge juniper kingsley larkspur maplewood nettleton oakridge "
                "primrose quarry rosewood",
            ),
            Pool("Region North", "Customers in the north", HCS, "harbor pinewood glacier tundra kestrel"),
            Pool("R&D / Lab", "Test clusters", HCS, "lumen isotope", growth=0.55),
            Pool(
                "Migration 2026",
                "Enterprise mode until they move to HCS",
                ENTERPRISE,
                "silverlake thornbury underhill violetta westmere",
            ),
        ),
        on_prem=("wildwood", "yarrow", "zephyr"),
        rollout="meadow",
        short=96,
        slack=0.0,
        rooms_short=3,
        expressway="riverside",
        late=("stonegate", "orchard", "falcon"),
        recent="thornbury",
        misplaced=True,
        twins=("kingsley", "larkspur"),
    ),
    Demo(
        domain="globex.example",
        name="Globex Hosted Voice",
        seed=23,
        pools=(
            Pool(
                OPERATIONAL,
                "What the applications use",
                HCS,
                "alpine bluebird cascade dunes ember flint grove heath inlet jasper knoll lagoon mesa nectar",
            ),
            Pool("EMEA", "Europe, Middle East, Africa", HCS, "onyx prairie quartz ravine", growth=0.5),
            Pool("APAC", "Asia and Pacific", ENTERPRISE, "savanna topaz upland vista"),
        ),
        on_prem=("willow", "yonder", "zenith"),
        rollout="bluebird",
        short=40,
        slack=0.06,
        rooms_short=0,
        expressway="dunes",
        late=("cascade", "ember", "flint"),
        recent="topaz",
        misplaced=False,
        twins=("jasper", "knoll"),
    ),
)


@dataclass(frozen=True)
class Site:
    """A cluster: where it registers, by which host names, and what each of them uses. `age` 0: for years."""

    customer: str
    product: str
    pool: str
    hosts: tuple[str, ...]
    usage: dict[str, int]
    age: int = 0


@dataclass
class Order:
    """An order for one customer, or without one the partner's own perpetual licenses, which have no subscription.

    `ordered` and `delivered` are quantities by license. What was ordered lies in the ordered pool where `listed`.
    """

    number: str
    subscription: str
    customer: str
    target: str
    end: int
    ordered: dict[str, int] = field(default_factory=dict)
    delivered: dict[str, int] = field(default_factory=dict)
    listed: bool = True
    age: int = FIRST_ORDER
    arrived: int = FIRST_ORDER

    def add(self, name: str, ordered: int, delivered: int | None = None) -> None:
        self.ordered[name] = self.ordered.get(name, 0) + ordered
        self.delivered[name] = self.delivered.get(name, 0) + (ordered if delivered is None else delivered)


@dataclass(frozen=True)
class Plan:
    demo: Demo
    sites: tuple[Site, ...]
    on_prem: tuple[Site, ...]
    orders: tuple[Order, ...]
    on_prem_orders: tuple[Order, ...]


@lru_cache
def plan_of(domain: str) -> Plan | None:
    """Return the plan of the demo's smart account of this domain; None for any other account."""
    demo = next((demo for demo in DEMOS if demo.domain == domain), None)
    return _Planner(demo).plan() if demo else None


def orders_of(domain: str) -> tuple[Order, ...]:
    """Return the orders of a smart account, or of a local account; none for any other account."""
    for demo in DEMOS:
        plan = plan_of(demo.domain) if domain in {demo.domain, demo.local_account} else None
        if plan:
            return plan.orders if domain == demo.domain else plan.on_prem_orders
    return ()


class _Planner:
    def __init__(self, demo: Demo) -> None:
        self.demo = demo
        self.random = random.Random(demo.seed)  # noqa: S311 - the same demo each time
        self.orders: list[Order] = []

    def plan(self) -> Plan:
        sites = [
            site
            for pool in self.demo.pools
            for name in pool.customers
            for site in self._sites(name, pool.name, pool.mode)
        ]
        on_prem = [
            site for name in self.demo.on_prem for site in self._site_set(name, SITE, HCS, ("cucm", "cuc", "cer"))
        ]
        for pool in self.demo.pools:
            self._order(pool, sites)
        self._add_late()
        orders = tuple(self.orders)
        self._order(Pool(SITE, "", HCS, " ".join(self.demo.on_prem)), on_prem)
        return Plan(self.demo, tuple(sites), tuple(on_prem), orders, tuple(self.orders[len(orders) :]))

    def _sites(self, customer: str, pool: str, mode: str) -> list[Site]:
        """Return the one to four clusters of a customer."""
        products = ["cucm"]
        if self.random.random() < 0.8:
            products.append("cuc")
        if self.random.random() < 0.4:
            products.append("cer")
        found = self._site_set(customer, pool, mode, tuple(products))
        if customer == self.demo.rollout:
            usage = {HCS_STANDARD: 400, HCS_FOUNDATION: 60}
            found.append(Site(customer, "cucm", pool, (f"cucm-east-pub.{customer}.example",), usage, LIVE))
        if customer in self.demo.twins:
            host = self.demo.short_host + (f".{customer}.example" if customer == self.demo.twins[0] else "")
            usage = {HCS_STANDARD: 30, HCS_FOUNDATION: 40}
            found.append(Site(customer, "cucm", pool, (host,), usage))
        if customer == self.demo.expressway:
            hosts = tuple(f"expc-{number}.{customer}.example" for number in (1, 2))
            found.append(Site(customer, "expressway", pool, hosts, {EXPRESSWAY: 20}))
        return found

    def _site_set(self, customer: str, pool: str, mode: str, products: tuple[str, ...]) -> list[Site]:
        users = self.random.randrange(120, 900, 10)
        age = RECENT if customer == self.demo.recent else 0
        return [
            Site(
                customer, product, pool, (f"{product}-pub.{customer}.example",), self._usage(product, mode, users), age
            )
            for product in products
        ]

    def _usage(self, product: str, mode: str, users: int) -> dict[str, int]:
        rooms = self.random.randrange(6, 20)
        if product == "cucm" and mode == HCS:
            return {HCS_STANDARD: users * 11 // 20, HCS_FOUNDATION: users * 8 // 20, HCS_ROOM: rooms}
        if product == "cucm":
            rest = {BASIC: users // 20, ESSENTIAL: users // 20, ROOM: rooms}
            return {CUWL: users // 8, ENHANCED_PLUS: users * 8 // 20, ENHANCED: users * 6 // 20, **rest}
        if product == "cuc":
            basic = users // 5 if self.random.random() < 0.4 else 0
            names = (HCS_UNITY, HCS_UNITY_BASIC) if mode == HCS else (UNITY, UNITY_BASIC)
            return {name: part for name, part in zip(names, (users // 2, basic), strict=True) if part}
        return {HCS_RESPONDER if mode == HCS else RESPONDER: users}

    # --- Orders ---

    def _order(self, pool: Pool, sites: list[Site]) -> None:
        """Order for each customer of a pool what it uses, more or less."""
        first = len(self.orders)
        for number, customer in enumerate(pool.customers):
            used: dict[str, int] = {}
            for site in sites:
                if site.customer == customer and not self._is_rollout(site):
                    for name, quantity in site.usage.items():
                        used[name] = used.get(name, 0) + quantity * len(site.hosts)
            order = self._new(customer, pool.name, listed=pool.name == OPERATIONAL)
            for name, quantity in used.items():
                for wanted, factor in self._factors(pool, name, number).items():
                    order.add(wanted, max(round(quantity * factor), 1))
        if pool.name == OPERATIONAL:
            self._settle_scarce(pool, self.orders[first:], sites)
            self._add_rollout()
            self._add_perpetual()
        elif pool.mode == ENTERPRISE and self.demo.rooms_short:
            self.orders[first].add(ROOM, -self.demo.rooms_short)

    def _factors(self, pool: Pool, name: str, number: int) -> dict[str, float]:
        """Return the licenses to order for a request for `name`, as shares of it."""
        ample = AMPLE[number % len(AMPLE)]
        if pool.mode == ENTERPRISE:
            # Enterprise licenses as bought before, and HCS licenses, which serve the rest by dual parenting.
            shares: dict[str, dict[str, float]] = {
                CUWL: {CUWL: 1.15},
                ENHANCED_PLUS: {ENHANCED_PLUS: 0.8, HCS_STANDARD: 0.25},
                ENHANCED: {ENHANCED: 1.05},
                BASIC: {HCS_FOUNDATION: 1.3},
                RESPONDER: {HCS_RESPONDER: 1.1},
                ROOM: {ROOM: 1.0 if self.demo.rooms_short else ample},
            }
            return shares.get(name, {name: ample})
        if name == HCS_STANDARD and pool.name == OPERATIONAL:
            return {name: SLACK[number % len(SLACK)] + self.demo.slack}
        return {name: 0.95 if name == HCS_UNITY_BASIC else ample}

    def _settle_scarce(self, pool: Pool, orders: list[Order], sites: list[Site]) -> None:
        """Without slack, let the first order make up for what the others have ordered beside their use."""
        used = sum(
            site.usage.get(HCS_STANDARD, 0) for site in sites if site.pool == pool.name and not self._is_rollout(site)
        )
        ordered = sum(order.ordered.get(HCS_STANDARD, 0) for order in orders)
        if not self.demo.slack:
            orders[0].add(HCS_STANDARD, used - ordered)

    def _add_rollout(self) -> None:
        """Add the order for a new cluster, of which a part has not arrived."""
        order = self._new(self.demo.rollout, OPERATIONAL, age=ROLLOUT_ORDER, arrived=ROLLOUT_ARRIVED)
        order.add(HCS_STANDARD, 400, 400 - self.demo.short)
        order.add(HCS_FOUNDATION, 60)

    def _add_perpetual(self) -> None:
        order = self._new("", OPERATIONAL)
        order.add(HCS_FOUNDATION, self.random.randrange(100, 300, 50))
        order.add(HCS_RESPONDER, self.random.randrange(50, 150, 50))

    def _add_late(self) -> None:
        """Add an order that is overdue, one that was delivered to the wrong account, and one of this week."""
        overdue, wrong, fresh = self.demo.late
        self._new(overdue, OPERATIONAL, age=OVERDUE).add(HCS_ROOM, 40, 0)
        self._new(wrong, DEFAULT, age=OVERDUE, arrived=ROLLOUT_ARRIVED).add(HCS_UNITY, 60)
        self._new(fresh, OPERATIONAL, age=FRESH).add(HCS_FOUNDATION, 150, 0)

    def _new(
        self, customer: str, target: str, *, listed: bool = True, age: int = FIRST_ORDER, arrived: int = FIRST_ORDER
    ) -> Order:
        number = f"1{self.demo.seed:02d}{self.random.randrange(100_000, 999_999)}"
        subscription = f"Sub{self.random.randrange(200_000, 999_999)}" if customer else ""
        number_of_orders = len(self.orders)
        soon = number_of_orders % SOON_EVERY == SOON_EVERY // 2
        end = SOON[number_of_orders // SOON_EVERY % len(SOON)] if soon else self.random.choice(ENDS)
        order = Order(number, subscription, customer, target, end, listed=listed, age=age, arrived=arrived)
        self.orders.append(order)
        return order

    def _is_rollout(self, site: Site) -> bool:
        return site.customer == self.demo.rollout and site.age == LIVE
