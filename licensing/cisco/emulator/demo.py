"""Make up the demo's data: two partners with different figures that look like those of a real provider."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from licensing.cisco.emulator.state import Account, Raw, State, iso

CUWL = "UC Manager CUWL License (12.X)"
ENHANCED_PLUS = "UC Manager Enhanced Plus License (12.x)"
ENHANCED = "UC Manager Enhanced License (12.x)"
BASIC = "UC Manager Basic License  (12.x)"
ESSENTIAL = "UC Manager Essential License (12.x)"
ROOM = "UC Manager Telepresence Room License (12.x)"
UNITY = "Unity Connection Enhanced Messaging User Licenses (12.x)"
UNITY_BASIC = "Unity Connection Basic Messaging User Licenses (12.x)"
HCS_FOUNDATION = "HCS Cisco UCM Foundation License"
HCS_STANDARD = "HCS Cisco UCM Standard License"
HCS_UNITY = "HCS Unity Connection Standard License"
HCS_RESPONDER = "HCS Emergency Responder User License"
FIRST_REGISTRATION = datetime(2024, 1, 1, tzinfo=UTC)
ORDERED, OPERATIONAL = "va-hcs-ordered", "va-hcs-operational"
SITE = "Own network"  # the pool of a partner's On-Prem server
SITE_DEVICES = 35
UNIFIED_CM, CONNECTION, RESPONDER = "UCM", "Cisco Unity Connection", "CER"


@dataclass(frozen=True)
class Demo:
    """A demo is the story of one partner. `tightness`: use by quantity of scarce licenses; above 1 is a shortage."""

    domain: str
    name: str
    seed: int
    customers: tuple[str, ...]
    pools: tuple[tuple[str, str], ...]
    tightness: float
    ordered_leak: bool

    @property
    def local_account(self) -> str:
        """Return the name of the local account on the partner's On-Prem server."""
        return f"{self.name} On-Prem"


DEMOS = (
    Demo(
        domain="acme.example",
        name="Acme Communications",
        seed=11,
        customers=("harbor", "northwind", "meadow", "stonegate", "lumen", "orchard", "falcon", "riverside"),
        pools=(("Region North", "Customers in the north"), ("R&D / Lab", "Test clusters"), ("Migration 2026", "")),
        tightness=1.04,
        ordered_leak=True,
    ),
    Demo(
        domain="globex.example",
        name="Globex Hosted Voice",
        seed=23,
        customers=("alpine", "bluebird", "cascade", "dunes", "ember"),
        pools=(("EMEA", "Europe, Middle East, Africa"), ("APAC", "Asia and Pacific")),
        tightness=0.93,
        ordered_leak=False,
    ),
)


def demo_state() -> State:
    state = State()
    for demo in DEMOS:
        _Builder(demo, state.add(demo.domain, demo.name)).build()
    for demo in DEMOS:
        local = state.add(demo.local_account, demo.local_account, local=True)
        _Builder(demo, local).build_on_prem()
    return state


class _Builder:
    def __init__(self, demo: Demo, account: Account) -> None:
        self.demo = demo
        self.random = random.Random(demo.seed)  # noqa: S311 - the same demo each time
        self.account = account
        self.used: dict[tuple[str, str], int] = {}
        self.serial = demo.seed * 1000

    def build(self) -> None:
        self.account.add_pool(ORDERED, "What customers ordered; nothing registers here")
        self.account.add_pool(OPERATIONAL, "What the applications use")
        for name, description in self.demo.pools:
            self.account.add_pool(name, description)
        for number, customer in enumerate(self.demo.customers):
            pool = OPERATIONAL if number % 4 else self.demo.pools[number // 4 % len(self.demo.pools)][0]
            self._customer(customer, pool)
        if self.demo.ordered_leak:
            self._device(ORDERED, UNIFIED_CM, "cucm-pub.misplaced.example", {ENHANCED: 12})
        self._add_licenses()
        self.account.add_token(OPERATIONAL, "Registration of new clusters", 25, by="licensing@" + self.demo.domain)

    def build_on_prem(self) -> None:
        """Build an On-Prem account: a publisher that the portal knows, and enough others to nearly fill the server."""
        self.serial += 500
        self.account.add_pool(SITE, "Products that reach no other network")
        customer = max(self.demo.customers)
        for number in range(SITE_DEVICES):
            host = f"cucm-site{number or ''}.{customer}.example"
            self._device(SITE, UNIFIED_CM, host, {ENHANCED: self.random.randrange(2, 30)})
        used = self.used[SITE, ENHANCED]
        self._license(SITE, ENHANCED, round(used * 1.2), used)

    def _customer(self, customer: str, pool: str) -> None:
        users = self.random.randrange(120, 900, 10)
        usage = {ENHANCED_PLUS: users, ENHANCED: users // 3, CUWL: users // 8, ROOM: self.random.randrange(2, 20)}
        self._device(pool, UNIFIED_CM, f"cucm-pub.{customer}.example", usage)
        self._device(pool, CONNECTION, f"cuc-pub.{customer}.example", {UNITY: users // 2})
        self._device(pool, RESPONDER, f"cer-pub.{customer}.example", {HCS_RESPONDER: users // 10})
        for site in range(1, self.random.randrange(22, 34)):
            small = {ESSENTIAL: self.random.randrange(2, 25), BASIC: self.random.randrange(2, 30)}
            silent = 75 if site % 13 == 0 else 0
            self._device(pool, UNIFIED_CM, f"cucm-s{site:02d}.{customer}.example", small, silent_days=silent)

    def _device(self, pool: str, product: str, host: str, usage: dict[str, int], silent_days: int = 0) -> None:
        self.serial += 1
        for name, quantity in usage.items():
            self.used[pool, name] = self.used.get((pool, name), 0) + quantity
        contact = datetime.now(UTC) - timedelta(days=silent_days, minutes=self.random.randrange(10, 350))
        device = self.account.add_device(pool, f"{self.serial:05x}", usage, hostName=host, productType=product)
        device["sudi"].update(udiPid=product, uuid=f"{self.random.getrandbits(128):032x}")
        device.update(
            displayName=f"UDI_PID:{product}; UDI_SN:{self.serial:05x}; ",
            lastContactDate=iso(contact),
            # fixed, so that a restart of the emulator does not change all instances
            registrationDate=iso(FIRST_REGISTRATION + timedelta(days=self.random.randrange(20, 700))),
        )

    def _add_licenses(self) -> None:
        """Add scarce and plentiful licenses around the quantities in use, and the orders in the ordered pool."""
        for (pool, name), used in sorted(self.used.items()):
            factor = self.demo.tightness if name == ENHANCED_PLUS and pool == OPERATIONAL else None
            if pool == ORDERED:
                self.account.set_license(pool, name, inUse=used)  # a product registered in the wrong pool
                continue
            quantity = round(used / factor if factor else used * self.random.uniform(1.05, 1.4))
            self._license(pool, name, quantity, used)
            if pool == OPERATIONAL:
                self._license(ORDERED, name, round(quantity * self.random.uniform(1.0, 1.15)), 0)
        for name in (HCS_FOUNDATION, HCS_STANDARD, HCS_UNITY, UNITY_BASIC):
            self._license(OPERATIONAL, name, self.random.randrange(100, 900, 50), 0)

    def _license(self, pool: str, name: str, quantity: int, used: int) -> None:
        self.account.set_license(pool, name, quantity=quantity, inUse=used, licenseDetails=self._lines(quantity))

    def _lines(self, quantity: int) -> list[Raw]:
        """Return purchase lines: some perpetual, the others terms of which some end soon."""
        if not quantity:
            return []
        today = datetime.now(UTC).date()
        parts = [quantity // 2, quantity - quantity // 2] if quantity > 60 else [quantity]
        lines = []
        for number, part in enumerate(parts):
            perpetual = number == 1 and self.random.random() < 0.4
            end = today + timedelta(days=self.random.choice((9, 24, 58, 140, 310, 480, 700)))
            lines.append(
                {
                    "licenseType": "PERPETUAL" if perpetual else "TERM",
                    "quantity": part,
                    "startDate": None if perpetual else (end - timedelta(days=1095)).isoformat(),
                    "endDate": None if perpetual else end.isoformat(),
                    "subscriptionId": None if perpetual else f"Sub{self.random.randrange(200000, 999999)}",
                    "status": "ACTIVE",
                }
            )
        return lines
