"""Syncs a partner's smart accounts in this process, under the same lock as the worker."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import CommandParser
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from licensing.accounts.models import SmartAccount
from licensing.mirror.models import SyncRun
from licensing.mirror.sync import runs as sync
from licensing.mirror.sync.fetching import OnProgress
from licensing.operations import syncing
from tenants.commands import PartnerCommand, Refused, fail

REQUESTED_BY = "manage.py sync"


class Command(PartnerCommand):
    help = "Syncs all smart accounts of a partner, or the one that is named."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--smart-account", metavar="DOMAIN", help="Only this one. Default: all that are not paused."
        )
        parser.add_argument("--json", action="store_true", help="Answer in JSON on standard output.")

    def handle_partner(self, **options: Any) -> None:
        began = time.monotonic()
        runs = [self.sync(account) for account in _accounts(options["smart_account"])]
        if options["json"]:
            self.answer({"runs": runs, "seconds": round(time.monotonic() - began, 3)})
        failed = sum(run["status"] != SyncRun.Status.SUCCEEDED for run in runs)
        if failed:
            fail(f"{failed} of {len(runs)} syncs did not succeed.")

    def sync(self, account: SmartAccount) -> dict[str, Any]:
        began = time.monotonic()
        run, created = sync.request(account, REQUESTED_BY)
        with _bar(account) as on_progress:
            run = syncing.run_sync(run, on_progress)
        busy = not created and run.unfinished
        cause = "Another sync of this account is running." if busy else f"{run.cause} {run.next_step}".strip()
        seconds = round(time.monotonic() - began, 3)
        self.say(f"{account.domain}: {_outcome(run, cause)} ({seconds} s)")
        return {
            "smart_account": account.domain,
            "status": run.status,
            "cause": cause,
            "counts": run.counts,
            "seconds": seconds,
        }


def _accounts(domain: str | None) -> list[SmartAccount]:
    accounts = SmartAccount.objects.select_related("license_server").order_by("domain", "pk")
    if domain is None:
        return list(accounts.active())
    named = list(accounts.filter(domain__iexact=domain))
    if not named:
        raise Refused(f"There is no smart account {domain!r}.")
    if all(account.paused_at for account in named):
        raise Refused(f"The smart account {domain!r} is paused. Resume it first.")
    return [account for account in named if not account.paused_at]


def _outcome(run: SyncRun, cause: str) -> str:
    if run.status != SyncRun.Status.SUCCEEDED:
        return f"{run.get_status_display().lower()}. {cause}"
    return ", ".join(f"{number} {word}" for word, number in run.counts.items())


@contextmanager
def _bar(account: SmartAccount) -> Iterator[OnProgress | None]:
    """Show progress on standard error, and only on a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(account.domain, total=None)
        yield lambda step, done, total: progress.update(
            task, description=f"{account.domain}: {step}", completed=done, total=total
        )
