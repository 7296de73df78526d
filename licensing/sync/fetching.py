"""Every listing of an account, into staging. An error in any of them ends the whole: nothing has been merged yet."""

from collections.abc import Callable, Iterable
from time import monotonic
from typing import Any

from licensing.cssm.client import CssmClient
from licensing.cssm.types import AccountRef, Page, RegistrationToken, VirtualAccount
from licensing.models import SyncRun
from licensing.sync import runs, staging

# step, done, total: called at each page.
OnProgress = Callable[[str, int, int | None], None]
BEAT_SECONDS = 1.0
FULL_PAGE = 500


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


def fetch_whole(client: CssmClient, account: AccountRef, report: Reporter) -> int:
    """Parents first. Registration tokens are listed per virtual account, all others at once. Returns the rows."""
    pools: list[str] = []
    rows = _stage(
        staging.VIRTUAL_ACCOUNTS, _noting(pools, client.virtual_accounts(account)), "Virtual accounts", report
    )
    rows += _stage(staging.LICENSES, client.licenses(account), "Licenses", report)
    rows += _stage(staging.PRODUCT_INSTANCES, client.product_instances(account), "Product instances", report)
    return rows + _stage_tokens(client, account, pools, report)


def _stage(table: staging.Staging, pages: Iterable[Page[Any]], step: str, report: Reporter) -> int:
    done = 0
    report(step)
    for page in pages:
        done += table.write(page.items)
        report(step, done, page.total)
    return done


def _stage_tokens(client: CssmClient, account: AccountRef, pools: list[str], report: Reporter) -> int:
    """A call per pool; what they answer is gathered to full pages."""
    done = 0
    gathered: list[RegistrationToken] = []
    for place, pool in enumerate(pools):
        report("Registration tokens of virtual accounts", place, len(pools))
        gathered += [token for page in client.registration_tokens(account, pool) for token in page.items]
        if len(gathered) >= FULL_PAGE or place == len(pools) - 1:
            done += staging.REGISTRATION_TOKENS.write(gathered)
            gathered = []
    return done


def _noting(names: list[str], pages: Iterable[Page[VirtualAccount]]) -> Iterable[Page[VirtualAccount]]:
    for page in pages:
        names += [item.name for item in page.items]
        yield page
