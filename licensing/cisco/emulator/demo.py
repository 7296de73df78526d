"""Build the accounts of the demo's two partners from their plans."""

import random
from datetime import UTC, date, datetime, timedelta

from licensing.cisco.emulator.borrowing import HCS_FOUNDATION
from licensing.cisco.emulator.plan import (
    DEMOS,
    FIRST_ORDER,
    OPERATIONAL,
    ORDERED,
    SITE,
    Demo,
    Order,
    Plan,
    Site,
    plan_of,
)
from licensing.cisco.emulator.state import Account, Raw, State, iso

FIRST_REGISTRATION = datetime(2024, 1, 1, tzinfo=UTC)
CONTRACT = timedelta(days=1095)
UNIFIED_CM, CONNECTION, RESPONDER, EXPRESSWAY = "UCM", "Cisco Unity Connection", "CER", "Expressway"
PRODUCTS = {"cucm": UNIFIED_CM, "cuc": CONNECTION, "cer": RESPONDER, "expressway": EXPRESSWAY}
ONE_IN_SILENT, SILENT_DAYS = 24, 75
LAB = "R&D / Lab"
# Cisco counts so many more than the product instances use, until something in the pool changes (docs/emulator.md).
NOT_LISTED = 4


def demo_state() -> State:
    state = State()
    plans = [plan for demo in DEMOS if (plan := plan_of(demo.domain))]
    for plan in plans:
        _Builder(plan, state.add(plan.demo.domain, plan.demo.name)).build()
    for plan in plans:
        name = plan.demo.local_account
        _Builder(plan, state.add(name, name, local=True)).build_on_prem()
    return state


class _Builder:
    def __init__(self, plan: Plan, account: Account) -> None:
        self.plan = plan
        self.demo: Demo = plan.demo
        self.random = random.Random(plan.demo.seed)  # noqa: S311 - the same demo each time
        self.account = account
        self.serial = plan.demo.seed * 1000
        account.follows_use = True

    def build(self) -> None:
        self.account.add_pool(ORDERED, "What customers ordered; nothing registers here")
        for pool in self.demo.pools:
            self.account.add_pool(pool.name, pool.description)
        for site in self.plan.sites:
            self._add_site(site)
        self._add_strays()
        for order in self.plan.orders:
            self._add_order(order)
        self._recount()
        self.account.add_token(OPERATIONAL, "Registration of new clusters", 25, by="licensing@" + self.demo.domain)

    def build_on_prem(self) -> None:
        """Build an On-Prem account that nearly fills its server."""
        self.serial += 500
        self.account.add_pool(SITE, "Products that reach no other network")
        for site in self.plan.on_prem:
            self._add_site(site)
        for order in self.plan.on_prem_orders:
            self._add_order(order)
        self._recount()

    def _add_site(self, site: Site) -> None:
        for host in site.hosts:
            silent = (self.serial + 1) % ONE_IN_SILENT == 0 and not site.age
            self._add_device(site.pool, PRODUCTS[site.product], host, site.usage, site.age, silent=silent)

    def _add_strays(self) -> None:
        """Add instances that belong to no cluster: one in the ordered pool, one whose name says nothing."""
        if self.demo.misplaced:
            self._add_device(ORDERED, UNIFIED_CM, "cucm-pub.misplaced.example", {HCS_FOUNDATION: 12})
        self._add_device(OPERATIONAL, UNIFIED_CM, f"ucm-temp-07.{self.demo.domain}", {HCS_FOUNDATION: 8})

    def _add_device(
        self, pool: str, product: str, host: str, usage: dict[str, int], age: int = 0, *, silent: bool = False
    ) -> None:
        self.serial += 1
        now = datetime.now(UTC)
        contact = now - timedelta(days=SILENT_DAYS if silent else 0, minutes=self.random.randrange(10, 350))
        # The day is fixed, so that a restart of the emulator does not change all instances.
        registered = FIRST_REGISTRATION + timedelta(days=self.random.randrange(20, 700))
        device = self.account.add_device(pool, f"{self.serial:05x}", usage, hostName=host, productType=product)
        device["sudi"].update(udiPid=product, uuid=f"{self.random.getrandbits(128):032x}")
        device.update(
            displayName=f"UDI_PID:{product}; UDI_SN:{self.serial:05x}; ",
            lastContactDate=iso(contact),
            registrationDate=iso(now - timedelta(days=age) if age else registered),
        )

    def _add_order(self, order: Order) -> None:
        """Add lines to the ordered pool, and what has arrived to the target, with the same subscription and number."""
        today = datetime.now(UTC).date()
        for name, quantity in order.ordered.items():
            if order.listed:
                self._add_line(ORDERED, name, _order_line(order, quantity, today))
            if order.delivered[name]:
                self._add_line(order.target, name, _order_line(order, order.delivered[name], today))

    def _add_line(self, pool: str, name: str, line: Raw) -> None:
        raw = self.account.set_license(pool, name)
        lines = [*raw["licenseDetails"], line]
        self.account.set_license(pool, name, quantity=int(raw["quantity"]) + line["quantity"], licenseDetails=lines)

    def _recount(self) -> None:
        for pool in self.account.virtual_accounts:
            self.account.recount(pool["name"])
        if self.account.has_pool(LAB):
            raw = self.account.license(LAB, HCS_FOUNDATION)
            self.account.set_license(LAB, HCS_FOUNDATION, inUse=raw["inUse"] + NOT_LISTED)


def _order_line(order: Order, quantity: int, today: date) -> Raw:
    """Return a purchase line. A recent order starts on its day, an old one ends soon or later."""
    if not order.subscription:
        return _line("PERPETUAL", quantity, order.number)
    recent = order.age < FIRST_ORDER
    start = today - timedelta(days=order.age) if recent else today + timedelta(days=order.end) - CONTRACT
    dates = {"startDate": start.isoformat(), "endDate": (start + CONTRACT).isoformat()}
    return _line("TERM", quantity, order.number) | dates | {"subscriptionId": order.subscription}


def _line(kind: str, quantity: int, number: str) -> Raw:
    return {
        "licenseType": kind,
        "quantity": quantity,
        "startDate": None,
        "endDate": None,
        "subscriptionId": None,
        "status": "ACTIVE",
        "orderNumber": number,
    }
