"""Transfer plans as people make, approve, start, settle and cancel them. Pages and REST call these.

Moves stay within one smart account, between pools that Cisco lists. What Cisco's API moves are perpetual and term lines
(docs/cisco-api.md#transfer-types); perpetual ones go first, because a move of them lasts. No plan asks for more than
Cisco reports as free.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils import timezone

from kit.broker import send
from kit.refusals import Refusal
from kit.wording import choose, counted
from licensing.accounts.models import SmartAccount
from licensing.mirror.models import License, VirtualAccount
from licensing.orders.movements import expect_move
from licensing.pools.models import TransferPlan, TransferStep
from licensing.pools.transfer_planner import LARGEST_TRANSFER
from licensing.pools.transfers import lock
from licensing.pools.transfers.movable import movable_by_type
from people import audit

SYNC_FIRST = "Start a sync, then make the plan again."
BY_HAND = "Move the licenses on the On-Prem server itself; the next sync shows it."
RUN_PLAN = "licensing.operations.tasks.run_transfer_plan"


@dataclass(frozen=True, slots=True)
class Wanted:
    """So many of a license (the row of the pool that gives) to another pool of the same smart account."""

    license: License
    target: VirtualAccount
    quantity: int


@transaction.atomic
def create(actor: audit.Actor, account: SmartAccount, wanted: Sequence[Wanted], reason: str = "") -> TransferPlan:
    """A draft, in steps that one call to Cisco accepts. Raises Refusal for what cannot be moved."""
    if not wanted:
        raise Refusal("There is nothing to move.", "No free license of this smart account would help.")
    for part in wanted:
        _check(account, part)
    _check_free(wanted)
    plan = TransferPlan.objects.create(
        smart_account=account, reason=reason.strip(), created_by=actor.user, needs_approval=account.approve_transfers
    )
    steps = list(_steps(plan, wanted))
    TransferStep.objects.bulk_create(steps)
    audit.record(actor, "created", plan, changes={"steps": [[], [str(step) for step in steps]]})
    return plan


@transaction.atomic
def approve(actor: audit.Actor, plan: TransferPlan) -> TransferPlan:
    """Approve a plan; a person other than its author must do this."""
    if actor.user is None or actor.user.pk == plan.created_by_id:
        raise Refusal("Who made a plan cannot approve it.", "Ask a colleague who may operate.")
    before = audit.snapshot(plan)
    mine = TransferPlan.objects.filter(pk=plan.pk, state=TransferPlan.State.DRAFT)
    if not mine.update(state=TransferPlan.State.APPROVED, approved_by=actor.user, approved_at=timezone.now()):
        raise Refusal("Only a draft can be approved.", "Reload the page.")
    plan.refresh_from_db()
    audit.record(actor, "approved", plan, before=before)
    return plan


@transaction.atomic
def cancel(actor: audit.Actor, plan: TransferPlan) -> TransferPlan:
    """Cancel a plan. Licenses that have moved stay where they are."""
    before = audit.snapshot(plan)
    mine = TransferPlan.objects.filter(pk=plan.pk, state__in=TransferPlan.STARTABLE)
    if not mine.update(state=TransferPlan.State.CANCELLED):
        raise Refusal(f"{plan} is {plan.get_state_display().lower()}.", "Only what is not over can be cancelled.")
    plan.refresh_from_db()
    audit.record(actor, "cancelled", plan, before=before)
    return plan


@transaction.atomic
def settle(actor: audit.Actor, step: TransferStep, moved: bool) -> TransferPlan:
    """A person's word on a step of which Cisco's figures do not say what became of it. It then counts as done, or as
    never sent; execution goes on from there.

    Only after a read back: before that, executing again may find out by itself.
    """
    plan = TransferPlan.objects.select_for_update(no_key=True).get(pk=step.plan_id)
    step = TransferStep.objects.select_related("license", "source", "target").get(pk=step.pk)
    check_settling(plan, step)
    before = audit.snapshot(step)
    if moved:
        step.state, step.cause, step.verified_at = step.State.VERIFIED, "Settled by hand.", timezone.now()
    else:
        step.state, step.cause, step.sent_at, step.before, step.after = step.State.WAITING, "", None, {}, {}
    step.save(update_fields=["state", "cause", "verified_at", "sent_at", "before", "after"])
    plan.cause = f"Step {step.position} was settled by hand: its licenses {'moved' if moved else 'did not move'}."
    plan.next_step = "Execute it again to go on."
    plan.save(update_fields=["cause", "next_step"])
    audit.record(actor, "settled", step, before=before)
    if moved:
        expect_move(step.license, step.source_id, step.target_id, step.quantity, step.sent_at or timezone.now())
    return plan


def check_settling(plan: TransferPlan, step: TransferStep) -> None:
    """Raise Refusal where it is not for a person to say what became of the step."""
    if plan.state != TransferPlan.State.STOPPED:
        raise Refusal(f"{plan} is {plan.get_state_display().lower()}.", "Only a step of a stopped plan is settled.")
    if step.state != TransferStep.State.UNCLEAR:
        raise Refusal(f"This step is {step.get_state_display().lower()}.", "Only an unclear one is settled by hand.")
    if not step.after:
        raise Refusal("This step was not read back yet.", "Execute the plan again: that reads first, and may do.")


def check_ready(plan: TransferPlan) -> None:
    """Raise Refusal for what may have changed since it was made, and since it was queued."""
    account = plan.smart_account
    if account.paused_at:
        raise Refusal(f"{account} is paused.", "Resume it first.")
    if not account.license_server.is_cloud:
        raise Refusal("The API of On-Prem servers has no call that moves licenses.", BY_HAND)
    ordered = plan.steps.open().filter(target__purpose=VirtualAccount.Purpose.ORDERED).select_related("target").first()
    if ordered:
        raise Refusal(ordered.target.not_serving, "Cancel this plan and make a new one.")


def requests_to_cisco(plan: TransferPlan) -> list[str]:
    """Say in words what executing the plan sends to Cisco: a sentence per step that is not verified yet."""
    steps = plan.steps.open().select_related("license", "source", "target")
    where = plan.smart_account.domain
    return [f"Move {step.quantity:,} {step.license} from {step.source} to {step.target} in {where}" for step in steps]


def check_start(plan: TransferPlan) -> None:
    """Raise Refusal for what need not be asked at Cisco."""
    check_ready(plan)
    if plan.state not in TransferPlan.STARTABLE:
        raise Refusal(f"{plan} is {plan.get_state_display().lower()} already.", "Reload the page.")
    if plan.needs_approval and plan.approved_at is None:
        raise Refusal("This plan is not approved yet.", "Somebody else than its author has to approve it.")


def request(actor: audit.Actor, plan: TransferPlan) -> TransferPlan:
    """Queue the execution of a plan.

    Raises Refusal, also while another plan of the smart account is being executed, and BrokerUnavailable.
    """
    state = plan.state
    lock.fail_lost(plan.smart_account)
    plan.refresh_from_db(fields=["state", "approved_at"])
    check_start(plan)
    before = audit.snapshot(plan)
    mine = TransferPlan.objects.filter(pk=plan.pk, state=plan.state)
    values = {"state": TransferPlan.State.QUEUED, "queued_at": timezone.now(), "started_by": actor.user}
    try:
        with transaction.atomic():
            begun = mine.update(**values, finished_at=None, cause="", next_step="")
            plan.refresh_from_db()
            if begun:
                audit.record(actor, "started", plan, before=before)
    except IntegrityError:
        raise Refusal(
            f"Another transfer plan of {plan.smart_account} is being executed.", "Wait until it is over."
        ) from None
    if not begun:
        raise Refusal("Somebody else has started or cancelled this plan just now.", "Reload the page.")
    send(RUN_PLAN, plan.pk, undo=lambda: _take_back(plan, state))
    return plan


def _take_back(plan: TransferPlan, state: str) -> None:
    """The message could not be sent: as it was before `request`."""
    TransferPlan.objects.filter(pk=plan.pk, state=TransferPlan.State.QUEUED).update(state=state, queued_at=None)


def _check(account: SmartAccount, part: Wanted) -> None:
    source, target = part.license.virtual_account, part.target
    if {source.smart_account_id, target.smart_account_id} != {account.pk}:
        raise Refusal("Licenses move within one smart account only.", "Choose another virtual account.", "target")
    if source.pk == target.pk:
        raise Refusal(f"They are in {target} already.", "Choose another virtual account.", "target")
    if why := target.not_serving:
        raise Refusal(why, target.CHOOSE_SERVING, "target")
    for row in (part.license, source, target):
        if row.gone_at:
            raise Refusal(f"{row} is gone at Cisco.", SYNC_FIRST, "target" if row is target else "license")
    if part.quantity < 1:
        raise Refusal("At least one license has to move.", "Enter a number from 1 on.", "quantity")


def _check_free(wanted: Sequence[Wanted]) -> None:
    """Raise Refusal where a pool is to give more than is free, all its steps together.

    What an earlier step brings is free for a later one.
    """
    arrived: dict[tuple[int, str], int] = {}
    asked: dict[int, int] = {}
    for part in wanted:
        row = part.license
        free = max(row.available, 0) + arrived.get((row.virtual_account_id, row.name), 0)
        asked[row.pk] = asked.get(row.pk, 0) + part.quantity
        if asked[row.pk] > free:
            raise Refusal(
                f"{counted(free, 'license')} of {row} {choose(free, 'is', 'are')} free in {row.virtual_account}, "
                f"and {asked[row.pk]:,} were to move.",
                f"Enter at most {free:,}." if free else SYNC_FIRST,
                "quantity",
            )
        arrives = part.target.pk, row.name
        arrived[arrives] = arrived.get(arrives, 0) + part.quantity


def _steps(plan: TransferPlan, wanted: Iterable[Wanted]) -> Iterator[TransferStep]:
    wanted = list(wanted)
    left = movable_by_type([part.license for part in wanted])
    position = 0
    for part in wanted:
        for kind, quantity in _split(part, left[part.license.pk]):
            position += 1
            yield TransferStep(
                plan=plan,
                position=position,
                license=part.license,
                license_type=kind,
                quantity=quantity,
                source=part.license.virtual_account,
                target=part.target,
            )


def _split(part: Wanted, left: dict[str, int]) -> Iterator[tuple[str, int]]:
    """Split a quantity by license type and by what one call takes, and take it off `left`."""
    missing = part.quantity
    for kind in TransferStep.LicenseType.values:
        taken = min(missing, left[kind])
        missing -= taken
        left[kind] -= taken
        for begin in range(0, taken, LARGEST_TRANSFER):
            yield kind, min(LARGEST_TRANSFER, taken - begin)
    if missing:
        raise Refusal(
            f"{part.quantity} of {part.license} cannot move out of {part.license.virtual_account}: "
            f"{part.quantity - missing} are perpetual or on a running term, and only those can be transferred.",
            "Enter a smaller number.",
            "quantity",
        )
