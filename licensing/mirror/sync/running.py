"""One sync of the mirror, from the request to the merge."""

import gc
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from celery.exceptions import SoftTimeLimitExceeded
from django.db import connection
from django.db.utils import DataError, InterfaceError, OperationalError
from stamina import retry

from kit.secrets import SecretUnreadable
from licensing.accounts.clients import account_ref, client_for, note_certificate
from licensing.cisco.errors import CssmRefused, CssmUnavailable
from licensing.mirror.models import SyncRun
from licensing.mirror.sync import cssm_alerts, merging, runs, staging
from licensing.mirror.sync.fetching import OnProgress, Reporter, fetch_whole
from licensing.mirror.sync.merging import Following

log = logging.getLogger(__name__)
REFUSED_NEXT_STEP = "Fix the cause that Cisco names, then start the sync again."
DATABASE_GONE = (OperationalError, InterfaceError)


def run(sync_run: SyncRun, then: Following, on_progress: OnProgress | None = None) -> bool:
    """Fetch all listings, merge them, and record the outcome.

    Returns whether anything is different in the mirror, or the run failed.

    A failure of Cisco's side, of the database or of ours fails the run and leaves the mirror as it was. A run that
    another worker holds is left alone; one that a dead worker has begun is failed as lost. What is in `then` is called
    in the transaction of the merge.
    """
    with runs.only_one(sync_run) as ours:
        if ours and runs.begin(sync_run):
            return _mirror(sync_run, then, on_progress)
        if ours and sync_run.status == SyncRun.Status.RUNNING:
            runs.fail(sync_run, SyncRun.Reason.LOST, runs.LOST_CAUSE, runs.LOST_NEXT_STEP)
    return True


def _mirror(sync_run: SyncRun, then: Following, on_progress: OnProgress | None) -> bool:
    """Fetch and merge. Returns False when nothing is different in the mirror."""
    account = sync_run.smart_account
    report = Reporter(sync_run, on_progress)
    try:
        with _quiet_collector(), staging.tables():
            with client_for(account.license_server, account) as client:
                fetched = fetch_whole(client, account_ref(account), report)
                found = cssm_alerts.fetch(client, account_ref(account))
            note_certificate(account.license_server, client)
            report("Comparing")
            return merging.merge(sync_run, fetched, then, found)
    except runs.RunTaken:
        log.warning("Sync run %s was ended by another process, or its account was removed.", sync_run.pk)
    except (KeyboardInterrupt, SystemExit):
        _record_failure(sync_run, SyncRun.Reason.LOST, "The sync was interrupted.", "Start it again.")
        raise
    except Exception as error:  # noqa: BLE001 - whatever it was, the run is not left running
        _record_failure(sync_run, *_explain(error))
    return True


@contextmanager
def _quiet_collector() -> Iterator[None]:
    """Keep Python's garbage collector from walking through the whole program at every few pages."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _explain(error: Exception) -> tuple[str, str, str]:
    """Return reason, cause and next step for an error."""
    reasons = SyncRun.Reason
    if isinstance(error, CssmUnavailable):
        return reasons.UNAVAILABLE, error.message, error.next_step
    if isinstance(error, CssmRefused):
        return reasons.REFUSED, error.message, error.next_step or REFUSED_NEXT_STEP
    if isinstance(error, SecretUnreadable):
        return reasons.INTERNAL, str(error), "Enter the client secret again."
    log.error("Sync failed", exc_info=error)
    if isinstance(error, SoftTimeLimitExceeded):
        return (
            reasons.INTERNAL,
            "The sync exceeded its time limit.",
            "Check why Cisco responds slowly, then start the sync again.",
        )
    if isinstance(error, DATABASE_GONE):
        return reasons.INTERNAL, "The connection to the database was lost.", "The next sync starts automatically."
    if isinstance(error, DataError):
        return (
            reasons.INTERNAL,
            "A value that Cisco sent does not fit the portal's tables.",
            "Report it with the log of the worker.",
        )
    return reasons.INTERNAL, "The portal made an error.", "Report it: the log of the worker holds the details."


def _record_failure(sync_run: SyncRun, reason: str, cause: str, next_step: str) -> None:
    """Record a failure patiently, as PostgreSQL may be starting again. If that fails, the run is found as lost."""
    if not connection.in_atomic_block and not connection.is_usable():
        connection.close()
    _fail_patiently(sync_run, reason, cause, next_step)


@retry(on=DATABASE_GONE, attempts=20, timeout=20.0, wait_initial=0.1, wait_max=2.0)
def _fail_patiently(sync_run: SyncRun, reason: str, cause: str, next_step: str) -> None:
    try:
        runs.fail(sync_run, reason, cause, next_step)
    except DATABASE_GONE:
        connection.close()
        raise
