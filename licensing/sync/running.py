"""One sync from begin to end."""

import gc
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from celery.exceptions import SoftTimeLimitExceeded
from django.db import connection
from django.db.models import Q
from django.db.utils import DataError, InterfaceError, OperationalError
from stamina import retry

from licensing import alerts, arrivals
from licensing.connect import account_ref, client_for, note_certificate
from licensing.cssm.errors import CssmRefused, CssmUnavailable
from licensing.models import Alert, SyncRun
from licensing.models.secrets import SecretUnreadable
from licensing.sync import cssm_alerts, merging, runs, staging
from licensing.sync.fetching import OnProgress, Reporter, fetch_whole

log = logging.getLogger(__name__)
REFUSED_NEXT_STEP = "Settle it with what Cisco's side says, then start the sync again."
DATABASE_GONE = (OperationalError, InterfaceError)


def run(sync_run: SyncRun, on_progress: OnProgress | None = None) -> SyncRun:
    """Fetch whole, reconcile, record; the run as it is afterwards.

    A failure of Cisco's side, of the database or of ours fails the run and leaves the mirror as it was. A run that
    somebody else is at is left alone; one that a dead worker has begun is failed as lost.
    """
    differs = True
    with runs.only_one(sync_run) as ours:
        if ours and runs.begin(sync_run):
            differs = _attempt(sync_run, on_progress)
        elif ours and sync_run.status == SyncRun.Status.RUNNING:
            runs.fail(sync_run, SyncRun.Reason.LOST, runs.LOST_CAUSE, runs.LOST_NEXT_STEP)
    sync_run = SyncRun.objects.select_related("smart_account").filter(pk=sync_run.pk).first() or sync_run
    if sync_run.status == SyncRun.Status.SUCCEEDED:
        differs = bool(arrivals.look(sync_run)) or differs
    if not sync_run.unfinished and (differs or _is_alerted(sync_run)):
        alerts.evaluate(smart_account_id=sync_run.smart_account_id)
    return sync_run


def _is_alerted(sync_run: SyncRun) -> bool:
    """Whether something is open that a complete sync may close. All else that a sync without difference leaves to find
    comes with the time alone, and is found by the evaluation of every 15 minutes."""
    account = sync_run.smart_account
    subjects = Q(subject_type="smart_account", subject_id=account.pk)
    subjects |= Q(subject_type="license_server", subject_id=account.license_server_id)
    return Alert.objects.open().filter(subjects).exists()


def _attempt(sync_run: SyncRun, on_progress: OnProgress | None) -> bool:
    """False: nothing is different in the mirror."""
    try:
        return _mirror(sync_run, on_progress)
    except runs.RunTaken:
        log.warning("Sync run %s was ended by somebody else, or its account was removed.", sync_run.pk)
    except (KeyboardInterrupt, SystemExit):
        _record_failure(sync_run, SyncRun.Reason.LOST, "The sync was interrupted.", "Start it again.")
        raise
    except Exception as error:  # noqa: BLE001 - whatever it was, the run is not left running
        _record_failure(sync_run, *_explain(error))
    return True


def _mirror(sync_run: SyncRun, on_progress: OnProgress | None) -> bool:
    account = sync_run.smart_account
    report = Reporter(sync_run, on_progress)
    with _quiet_collector(), staging.tables():
        with client_for(account.license_server, account) as client:
            fetched = fetch_whole(client, account_ref(account), report)
            found = cssm_alerts.fetch(client, account_ref(account))
        note_certificate(account.license_server, client)
        report("Comparing")
        return merging.merge(sync_run, fetched, found)


@contextmanager
def _quiet_collector() -> Iterator[None]:
    """Keep Python's garbage collector from walking through the whole program at every few pages."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _explain(error: Exception) -> tuple[str, str, str]:
    """Reason, cause and next step."""
    reasons = SyncRun.Reason
    if isinstance(error, CssmUnavailable):
        return reasons.UNAVAILABLE, error.message, error.next_step
    if isinstance(error, CssmRefused):
        return reasons.REFUSED, error.message, error.next_step or REFUSED_NEXT_STEP
    if isinstance(error, SecretUnreadable):
        return reasons.INTERNAL, str(error), "Enter the client secret again."
    log.error("Sync failed", exc_info=error)
    if isinstance(error, SoftTimeLimitExceeded):
        return reasons.INTERNAL, "The sync took longer than a task may.", "See why Cisco's side is so slow today."
    if isinstance(error, DATABASE_GONE):
        return reasons.INTERNAL, "The connection to the database was lost.", "The next sync starts by itself."
    if isinstance(error, DataError):
        return reasons.INTERNAL, "A value that Cisco sent does not fit the portal's tables.", "Report it: see the log."
    return reasons.INTERNAL, "The portal made an error.", "Report it: the log of the worker holds the details."


def _record_failure(sync_run: SyncRun, reason: str, cause: str, next_step: str) -> None:
    """With patience: PostgreSQL may be starting again. Where even that fails, the run is found as lost."""
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
