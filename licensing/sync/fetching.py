"""Every listing of an account, into staging. An error in any of them ends the whole: nothing has been merged yet."""

from collections.abc import Callable, Iterable
from time import monotonic
from typing import Any

from licensing.cssm.client import CssmClient
from licensing.cssm.types import AccountRef, Page, VirtualAccount
from licensing.models import SyncRun
from licensing.sync import runs, staging

# step, done, total: called at each page.
OnProgress = Callable[[str, int, int | None], None]
BEAT_SECONDS = 1.0


class Reporter:
    """Tells the caller at each page, and the run's row at most once a second."""

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


def fetch_whole(client: CssmClient, account: AccountRef, report: Reporter) -> None:
    """Parents first. Registration tokens are listed per virtual account, all others at once."""
    pools: list[str] = []
    _stage(staging.VIRTUAL_ACCOUNTS, _noting(pools, client.virtual_accounts(account)), "Virtual accounts", report)
    _stage(staging.LICENSES, client.licenses(account), "Licenses", report)
    _stage(staging.PRODUCT_INSTANCES, client.product_instances(account), "Product instances", report)
    for done, pool in enumerate(pools):
        report("Registration tokens of virtual accounts", done, len(pools))
        for page in client.registration_tokens(account, pool):
            staging.REGISTRATION_TOKENS.write(page.items)


def _stage(table: staging.Staging, pages: Iterable[Page[Any]], step: str, report: Reporter) -> None:
    done = 0
    report(step)
    for page in pages:
        table.write(page.items)
        done += len(page.items)
        report(step, done, page.total)


def _noting(names: list[str], pages: Iterable[Page[VirtualAccount]]) -> Iterable[Page[VirtualAccount]]:
    for page in pages:
        names += [item.name for item in page.items]
        yield page
