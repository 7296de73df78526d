"""One transfer plan from begin to end, step by step against Cisco.

A step is read, sent, and read back (`cssm.write_back`): only what the figures show counts, whatever the answer was. No
database transaction is open while Cisco is asked. Each state is written before the next thing is done, so that whoever
comes after a killed worker knows which step may have reached Cisco: that one is read back against its figures before
anything is sent.
"""

import logging
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from django.utils import timezone

from kit.refusals import Refusal
from kit.secrets import SecretUnreadable
from licensing.accounts.clients import account_ref, client_for
from licensing.cisco.client import CssmClient
from licensing.cisco.errors import CssmError
from licensing.cisco.types import LicenseTransfer
from licensing.cisco.write_back import Finding, Outcome, Verdict, check_items, write
from licensing.orders.movements import expect_move
from licensing.pools.models import TransferPlan, TransferStep
from licensing.pools.transfers import lock
from licensing.pools.transfers.figures import Pair, compare, read
from licensing.pools.transfers.planning import check_ready
from people import audit

log = logging.getLogger(__name__)
# A call whose answer was lost may still be under way at Cisco, and figures may follow a little late.
LOOKS, PAUSE_SECONDS = 3, 1.0
AGAIN = "Execute it again when that is settled: what is verified is not repeated."
LOOK_AT_CISCO = (
    "Look at the history of both virtual accounts in CSSM, say at the step whether its licenses moved, "
    "and execute this plan again."
)


class PlanTaken(Exception):
    """The plan is no longer ours: it was stopped as lost, and perhaps somebody else executes it."""


class Stop(Exception):
    """This step did not succeed; those after it are not begun."""

    def __init__(self, state: str, cause: str, next_step: str = AGAIN) -> None:
        super().__init__(cause)
        self.state, self.cause, self.next_step = state, cause, next_step


def run(plan: TransferPlan) -> TransferPlan:
    """Execute what is not verified yet; the plan as it is afterwards.

    A plan that somebody else is at is left alone; one that a dead worker has begun is stopped as lost, and its step is
    unclear.
    """
    with lock.only_one(plan.smart_account_id) as ours:
        if ours and _begin(plan):
            _Execution(plan).attempt()
        elif ours:
            lock.stop_lost(plan)
    plan.refresh_from_db()
    return plan


def _begin(plan: TransferPlan) -> bool:
    """Compare and swap from queued to running. Under the account's lock."""
    begun = TransferPlan.objects.filter(pk=plan.pk, state=TransferPlan.State.QUEUED).update(
        state=TransferPlan.State.RUNNING, started_at=timezone.now(), finished_at=None, cause="", next_step=""
    )
    plan.refresh_from_db()
    return bool(begun)


class _Execution:
    """`started_at` of the plan is the sign of this execution: whoever is at it later has another one."""

    def __init__(self, plan: TransferPlan) -> None:
        self.plan = plan
        self.account = plan.smart_account
        self.ref = account_ref(self.account)
        self.actor = audit.Actor(plan.started_by, plan.started_by.email if plan.started_by else "portal")

    def attempt(self) -> None:
        try:
            check_ready(self.plan)
            self._steps()
        except PlanTaken:
            log.warning("Transfer plan %s was stopped by somebody else.", self.plan.pk)
        except (KeyboardInterrupt, SystemExit):
            lock.stop_lost(self.plan)
            raise
        except Exception as error:  # noqa: BLE001 - whatever it was, the plan is not left running
            self._end(TransferPlan.State.STOPPED, *_explain(error))
        else:
            self._end(TransferPlan.State.DONE, "", "")

    def _steps(self) -> None:
        steps = list(self.plan.steps.open().select_related("license", "source", "target"))
        with client_for(self.account.license_server, self.account) as client:
            for step in steps:
                try:
                    self._step(client, step)
                except Stop as stop:
                    self._write(step, state=stop.state, cause=stop.cause)
                    raise

    def _step(self, client: CssmClient, step: TransferStep) -> None:
        now = read(client, self.ref, step)
        if step.sent_at and self._was_done(step, now):
            return
        if now.source.available < step.quantity:
            raise Stop(
                step.State.FAILED,
                f"Only {max(now.source.available, 0)} of {step.license} are free in {step.source} now; "
                f"{step.quantity} were to move. Nothing was sent.",
                "Start a sync, cancel this plan and make a new one.",
            )
        self._write(step, state=step.State.SENDING, cause="", before=now.as_json(), after={}, sent_at=timezone.now())
        self._settle(step, self._write_back(client, step))

    def _was_done(self, step: TransferStep, now: Pair) -> bool:
        """Return whether a step that may have reached Cisco was done. If not, it may be sent."""
        verdict = compare(step.before, now, step.quantity)
        if verdict == Verdict.UNCLEAR:
            self._write(step, after=now.as_json())
            raise Stop(step.State.UNCLEAR, _other(step, now), LOOK_AT_CISCO)
        if verdict == Verdict.DONE:
            self._verified(step, now)
        return verdict == Verdict.DONE

    def _write_back(self, client: CssmClient, step: TransferStep) -> Outcome[Pair]:
        """One call, never repeated, and what the figures say of it. They decide on a refusal too."""
        transfer = LicenseTransfer(step.license.name, step.license_type, step.quantity, step.target.name)

        def read_back() -> Finding[Pair]:
            now = read(client, self.ref, step)
            return Finding(compare(step.before, now, step.quantity), now)

        return write(
            lambda: check_items(client.transfer_licenses(self.ref, step.source.name, [transfer])),
            read_back,
            looks=LOOKS,
            pause=PAUSE_SECONDS,
            verify_refusals=True,
        )

    def _settle(self, step: TransferStep, outcome: Outcome[Pair]) -> None:
        answer, verdict, now = outcome.answer, outcome.finding.verdict, outcome.finding.evidence
        said = answer.refused or answer.lost
        if now is None:
            words = f"{said.message} " if said else ""
            why = outcome.unread.message if outcome.unread else ""
            cause = f"{words}Whether the licenses moved is not known, because reading back failed: {why}"
            raise Stop(step.State.UNCLEAR, cause, "Execute it again: it is read back first.") from None
        if verdict == Verdict.DONE:
            self._verified(step, now)
        elif verdict == Verdict.UNCLEAR or said is None:
            self._write(step, after=now.as_json())
            raise Stop(step.State.UNCLEAR, _other(step, now), LOOK_AT_CISCO)
        else:
            # What may still arrive keeps `sent_at`: it is read back before it is sent again.
            self._write(step, after=now.as_json(), **({} if answer.lost else {"sent_at": None}))
            lost = " By the figures, the transfer did not reach Cisco." if answer.lost else ""
            next_step = answer.refused.next_step if answer.refused else ""
            raise Stop(step.State.FAILED, f"{said.message}{lost}", next_step or AGAIN)

    def _verified(self, step: TransferStep, now: Pair) -> None:
        before = audit.snapshot(step)
        self._write(step, state=step.State.VERIFIED, cause="", after=now.as_json(), verified_at=timezone.now())
        audit.record(self.actor, "transferred", step, before=before)
        since = step.sent_at or timezone.now()
        expect_move(step.license, step.source_id, step.target_id, step.quantity, since)

    def _write(self, step: TransferStep, **values: Any) -> None:
        """Raises PlanTaken where the plan is not ours any more."""
        ours = TransferStep.objects.filter(
            pk=step.pk, plan__state=TransferPlan.State.RUNNING, plan__started_at=self.plan.started_at
        )
        if not ours.update(**values):
            raise PlanTaken
        for name, value in values.items():
            setattr(step, name, value)

    def _end(self, state: str, cause: str, next_step: str) -> None:
        before = audit.snapshot(self.plan)
        ours = TransferPlan.objects.filter(
            pk=self.plan.pk, state=TransferPlan.State.RUNNING, started_at=self.plan.started_at
        )
        if ours.update(state=state, finished_at=timezone.now(), cause=cause, next_step=next_step):
            self.plan.steps.filter(state=TransferStep.State.SENDING).update(
                state=TransferStep.State.UNCLEAR, cause=cause
            )
            self.plan.refresh_from_db()
            audit.record(self.actor, "executed" if state == TransferPlan.State.DONE else "stopped", self.plan, before)


def _explain(error: Exception) -> tuple[str, str]:
    """Cause and next step."""
    if isinstance(error, Stop):
        return error.cause, error.next_step
    if isinstance(error, Refusal):
        return error.message, error.next_step
    if isinstance(error, CssmError):
        return f"{error.message} Nothing was sent for the next step.", AGAIN
    if isinstance(error, SecretUnreadable):
        return str(error), "Enter the client secret again, then execute this plan again."
    log.error("Transfer plan failed", exc_info=error)
    if isinstance(error, SoftTimeLimitExceeded):
        return "The execution took longer than a task may.", AGAIN
    return "The portal made an error.", f"Report it: the log of the worker holds the details. {AGAIN}"


def _other(step: TransferStep, now: Pair) -> str:
    before = step.before
    return (
        f"The figures do not say whether {step.quantity} moved: {step.source} had {before['source']['quantity']} and "
        f"has {now.source.quantity}, {step.target} had {before['target']['quantity']} and has {now.target.quantity}."
    )
