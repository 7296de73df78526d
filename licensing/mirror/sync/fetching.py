"""Read every listing of an account into staging.

An error in any of them ends the whole: nothing has been merged yet.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from time import monotonic

from licensing.cisco import listings
from licensing.cisco.client import CssmClient
from licensing.cisco.errors import CssmRefused
from licensing.cisco.listings import Listing, Shifted
from licensing.cisco.types import AccountRef, Page
from licensing.mirror.models import SyncRun
from licensing.mirror.sync import duplicates, invalid_counts, runs, staging
from licensing.mirror.sync.fingerprints import Known, fingerprint, known_to
from licensing.mirror.sync.mirrors import Mirror
from licensing.mirror.sync.staging import InvalidCounts, Staging, Unknown

# It is called at each page with step, done and total.
OnProgress = Callable[[str, int, int | None], None]
BEAT_SECONDS = 1.0
# A listing that shifts or has duplicates is read this often. Real duplicates need three readings at most.
READINGS = 4
# Rows that are staged at once.
AT_A_TIME = 500


class Reporter:
    """Report each page to the caller, and the run's progress to its row at most once a second."""

    def __init__(self, run: SyncRun, on_progress: OnProgress | None) -> None:
        self.run = run
        self.on_progress = on_progress
        self.last_beat = monotonic()

    def __call__(self, step: str, done: int = 0, total: int | None = None) -> None:
        if self.on_progress:
            self.on_progress(step, done, total)
        if monotonic() - self.last_beat >= BEAT_SECONDS:
            runs.beat(self.run, runs.progress(step, done, total))
            self.last_beat = monotonic()


@dataclass
class Listed:
    """The result of one listing: its rows, and how many are staged because the mirror does not know them."""

    table: Staging
    known: Known
    rows: int = 0
    staged: int = 0
    waiting: list[Unknown] = field(default_factory=list)
    odd: list[InvalidCounts] = field(default_factory=list)

    def add(self, rows: list[bytes], pool: str = "") -> None:
        """Queue the rows that the mirror does not know for staging. `pool` is given where the rows do not name it."""
        take, prefix = self.known.take, f"{pool}\0".encode() if pool else b""
        numbered = ((fingerprint(prefix + row if prefix else row), row) for row in rows)
        unknown = [(number, row, pool) for number, row in numbered if not take(number)]
        self.waiting += unknown
        self.rows += len(rows)
        self.staged += len(unknown)
        if len(self.waiting) >= AT_A_TIME:
            self.stage()

    def stage(self) -> None:
        """Write the queued rows. One COPY for each page of few unknown rows would take longer than reading the page."""
        if self.waiting:
            self.table.make()
            self.odd += self.table.write(self.waiting)
            self.waiting = []

    def start_again(self, *, trusted: bool) -> None:
        self.waiting, self.odd = [], []
        self.table.empty()
        self.rows = self.staged = 0
        self.known.start(trusted=trusted)

    @property
    def differs(self) -> bool:
        """Return whether the merge has to look at this listing. Rows without a fingerprint are always compared."""
        return bool(self.staged or self.known.others or self.known.listed.count(0))


@dataclass
class Fetched:
    """The listings by their mirror, parents first.

    `remarks` are sentences on irregularities in the listings and how they were handled.
    """

    listed: dict[Mirror, Listed] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return sum(each.rows for each in self.listed.values())


def fetch_whole(client: CssmClient, account: AccountRef, report: Reporter) -> Fetched:
    """Read all listings, parents first.

    Registration tokens are listed per virtual account, all others at once.
    """
    reader, of_pools = _Reader(client, report), client.listing_of_virtual_accounts(account)
    pools = reader.virtual_accounts(of_pools)
    reader.paged(staging.LICENSES, client.listing_of_licenses(account), "Licenses")
    reader.paged(staging.PRODUCT_INSTANCES, client.listing_of_product_instances(account), "Product instances")
    try:
        reader.registration_tokens([(pool, client.listing_of_registration_tokens(account, pool)) for pool in pools])
    except CssmRefused:
        if {*_by_member(listings.rows(client.transport, of_pools), "name")} >= {*pools}:
            raise
        raise Shifted("virtual accounts") from None  # one was deleted meanwhile
    return reader.fetched


class _Reader:
    def __init__(self, client: CssmClient, report: Reporter) -> None:
        self.client = client
        self.parallel = client.config.max_parallel
        self.report = report
        self.account = report.run.smart_account_id
        self.fetched = Fetched()

    def virtual_accounts(self, listing: Listing) -> list[str]:
        """Read the virtual accounts and return their names."""
        self.report("Virtual accounts")
        listed = self._begin(staging.VIRTUAL_ACCOUNTS)
        named = _by_member(listings.rows(self.client.transport, listing), "name")
        named.pop("", None)  # what has no name cannot be asked for
        listed.add(list(named.values()))
        listed.stage()
        self.report("Virtual accounts", listed.rows, listed.rows)
        return list(named)

    def paged(self, table: Staging, listing: Listing, step: str) -> None:
        """Read a listing until it comes to rest: again where it shifted or has duplicates. Raises Shifted otherwise."""
        listed, before = self._begin(table), None
        for reading in range(READINGS):
            try:
                self._read(listed, self._pages(listing, reading), f"{step}, again" if reading else step)
            except Shifted:
                if reading == READINGS - 1:
                    raise
                found, trusted = None, True
            else:
                found, trusted = self._find_duplicates(listed), False
                if found in ({}, before):
                    self._settle_duplicates(listed, found)
                    return
            before = found
            listed.start_again(trusted=trusted)
        raise Shifted(listing.member)

    def registration_tokens(self, pools: list[tuple[str, Listing]]) -> None:
        listed = self._begin(staging.REGISTRATION_TOKENS)
        step = "Registration tokens of virtual accounts"
        calls = (partial(listings.rows, self.client.transport, listing) for _, listing in pools)
        for place, rows in enumerate(listings.run_ahead(calls, self.parallel)):
            self.report(step, place, len(pools))
            listed.add(list(_by_member(rows, "token").values()), pools[place][0])
        listed.stage()

    def _begin(self, table: Staging) -> Listed:
        listed = Listed(table, known_to(table.mirror, self.account))
        self.fetched.listed[table.mirror] = listed
        return listed

    def _pages(self, listing: Listing, reading: int) -> Iterator[Page[bytes]]:
        """Return the pages, one after the other from the second reading on, which allows pages of any size."""
        size = self.client.config.page_size
        return listings.pages(self.client.transport, listing, size, 1 if reading else self.parallel)

    def _read(self, listed: Listed, pages: Iterable[Page[bytes]], step: str) -> None:
        self.report(step)
        for page in pages:
            listed.add(page.items)
            self.report(step, listed.rows, listed.rows if page.total < 0 else page.total)
        listed.stage()

    def _find_duplicates(self, listed: Listed) -> duplicates.Duplicates:
        if not listed.staged:
            return {}
        return duplicates.find(listed.table.mirror, self.account, listed.known.missing())

    def _settle_duplicates(self, listed: Listed, found: duplicates.Duplicates) -> None:
        if found:
            listed.rows -= duplicates.settle(listed.table.mirror, found)
            self.fetched.remarks.append(duplicates.remark(listed.table.mirror, found))
        if listed.odd:
            self.fetched.remarks.append(invalid_counts.remark(listed.odd))


def _by_member(rows: list[bytes], member: str) -> dict[str, bytes]:
    """Return one row per name from listings that come at once."""
    return {str(listings.parse_row(row).get(member) or ""): row for row in rows}
