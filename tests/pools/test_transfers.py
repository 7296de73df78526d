"""Transfer plans against the emulator over HTTP: what the page shows, what Cisco has, and the audit agree, whatever
happens in the middle; and executing again finishes and repeats nothing.
"""

from typing import Any

import pytest
from aiohttp import web
from django.utils import timezone
from django_tenants.utils import tenant_context

from kit.refusals import Refusal
from licensing.accounts.models import SmartAccount
from licensing.alerts import evaluation
from licensing.alerts.models import Alert, AlertRule
from licensing.alerts.replay import supposed
from licensing.cisco.emulator.scenarios import SCENARIOS, Handler, reset
from licensing.cisco.emulator.server import EmulatorThread
from licensing.cisco.emulator.state import Account
from licensing.mirror.models import License, VirtualAccount
from licensing.mirror.sync import runs
from licensing.operations import syncing
from licensing.orders import delivery, deposits
from licensing.orders.models import ExpectedMove, Movement
from licensing.pools import balance, remedies
from licensing.pools.models import TransferPlan, TransferStep
from licensing.pools.transfers import effect as effects
from licensing.pools.transfers import executing, lock, planning
from licensing.pools.transfers import executing as transfers_executing
from licensing.pools.transfers.effect import Effect
from licensing.pools.transfers.planning import Wanted
from licensing.pools.worklist import Items
from licensing.pools.worklist_words import Reason
from people.audit import Actor
from people.models import AuditEntry, User
from tenants.models import Partner
from tests import factories as make
from tests.fixtures import account_of

NAME, OTHER = "UC Manager Basic License  (12.x)", "Emergency Responder User License"
TERM = {
    "licenseType": "TERM",
    "startDate": "2026-01-01",
    "endDate": "2099-01-01",
    "subscriptionId": "Sub1",
    "status": "ACTIVE",
}
FOREVER = {**TERM, "licenseType": "PERPETUAL", "startDate": None, "endDate": None, "subscriptionId": None}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executing, "PAUSE_SECONDS", 0.01)


@pytest.fixture
def cisco(emulator: EmulatorThread) -> Account:
    """North has what South lacks: 20 perpetual and 1,500 on a term, and 7 of another license."""
    cisco = emulator.state.add("acme.example", "Acme")
    for pool in ("North", "South"):
        cisco.add_pool(pool)
    lines = [{**TERM, "quantity": 1500}, {**FOREVER, "quantity": 20}]
    cisco.set_license("North", NAME, quantity=1520, inUse=10, licenseDetails=lines)
    cisco.set_license("North", OTHER, quantity=7, licenseDetails=[{**FOREVER, "quantity": 7}])
    cisco.set_license("South", NAME, quantity=0, inUse=5)
    return cisco


@pytest.fixture
def account(acme: Partner, emulator: EmulatorThread, cisco: Account) -> SmartAccount:
    account = account_of(emulator)
    run, _ = runs.request(account, "test")
    assert syncing.run_sync(run).status == "succeeded"
    return account


@pytest.fixture
def operator(acme_users: dict[str, User]) -> Actor:
    return actor(acme_users["operator"])


def actor(user: User) -> Actor:
    return Actor(user, user.email)


def pool(name: str) -> VirtualAccount:
    return VirtualAccount.objects.get(name=name)


def license_of(pool_name: str, name: str = NAME) -> License:
    return License.objects.select_related("virtual_account").get(virtual_account__name=pool_name, name=name)


def planned(account: SmartAccount, operator: Actor, *quantities: int) -> TransferPlan:
    """Moves of NAME from North to South, each a part of its own, and 2 of OTHER at the end."""
    wanted = [Wanted(license_of("North"), pool("South"), quantity) for quantity in quantities]
    return planning.create(operator, account, [*wanted, Wanted(license_of("North", OTHER), pool("South"), 2)])


def execute(plan: TransferPlan, operator: Actor) -> TransferPlan:
    planning.request(operator, plan)
    transfers_executing.run(TransferPlan.objects.select_related("smart_account__license_server").get(pk=plan.pk))
    plan.refresh_from_db()
    return plan


def states(plan: TransferPlan) -> list[str]:
    return list(plan.steps.order_by("position").values_list("state", flat=True))


def at_cisco(cisco: Account) -> dict[tuple[str, str], int]:
    return {(raw["virtualAccount"], raw["license"]): raw["quantity"] for raw in cisco.licenses}


def agree(plan: TransferPlan, cisco: Account) -> None:
    """The steps that are shown as verified, what Cisco holds, and what the audit says are one story."""
    moved: dict[str, int] = {NAME: 0, OTHER: 0}
    for step in plan.steps.filter(state="verified").select_related("license"):
        moved[step.license.name] += step.quantity
        audited = AuditEntry.objects.filter(object_type="transferstep", object_id=str(step.pk), action="transferred")
        assert audited.count() == 1
    held = at_cisco(cisco)
    assert (held["North", NAME], held["South", NAME]) == (1520 - moved[NAME], moved[NAME])
    assert (held["North", OTHER], held.get(("South", OTHER), 0)) == (7 - moved[OTHER], moved[OTHER])
    transferred = AuditEntry.objects.filter(action="transferred").count()
    assert transferred == plan.steps.filter(state="verified").count()


class Nth:
    """The emulator's transfer call number `number` goes wrong as the given scenario says; the others are well."""

    def __init__(self, number: int, bad: Any) -> None:
        self.number, self.bad, self.calls = number, bad, 0

    async def __call__(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not request.path.endswith("/transfer"):
            return await handler(request)
        self.calls += 1
        return await (self.bad(request, handler) if self.calls == self.number else handler(request))


@pytest.fixture
def nth(emulator: EmulatorThread, monkeypatch: pytest.MonkeyPatch) -> Any:
    def begin(number: int, scenario: str | Any) -> Nth:
        found = Nth(number, SCENARIOS[scenario] if isinstance(scenario, str) else scenario)
        monkeypatch.setitem(SCENARIOS, "nth", found)
        emulator.scenario("nth")
        return found

    return begin


# --- Making a plan ---


def test_steps_are_what_one_call_takes_perpetual_first(account: SmartAccount, operator: Actor) -> None:
    plan = planning.create(operator, account, [Wanted(license_of("North"), pool("South"), 1100)], " For Harbor ")

    assert list(plan.steps.values_list("position", "license_type", "quantity", "state")) == [
        (1, "PERPETUAL", 20, "waiting"),
        (2, "TERM", 998, "waiting"),
        (3, "TERM", 82, "waiting"),
    ]
    assert (plan.state, plan.reason, plan.created_by, plan.needs_approval) == (
        "draft",
        "For Harbor",
        operator.user,
        False,
    )
    assert AuditEntry.objects.latest("id").action == "created"


def test_type_that_cannot_be_transferred_is_refused(account: SmartAccount, operator: Actor, cisco: Account) -> None:
    row = license_of("North", OTHER)
    row.lines.update(type="DEMO")

    with pytest.raises(Refusal, match="0 are perpetual or on a running term"):
        planning.create(operator, account, [Wanted(row, pool("South"), 1)])
    assert not TransferPlan.objects.exists()


@pytest.mark.parametrize(
    ("target", "quantity", "words"),
    [
        ("North", 1, "in North already"),
        ("South", 0, "At least one"),
        ("Ordered", 1, "ordered pool"),
        ("Gone", 1, "gone at Cisco"),
        ("Elsewhere", 1, "within one smart account"),
    ],
)
def test_moves_that_make_no_sense_are_refused(
    account: SmartAccount, operator: Actor, target: str, quantity: int, words: str
) -> None:
    make.make_virtual_account(smart_account=account, name="Ordered", purpose="ordered")
    make.make_virtual_account(smart_account=account, name="Gone", gone_at=account.created_at)
    make.make_virtual_account(name="Elsewhere")

    with pytest.raises(Refusal, match=words):
        planning.create(operator, account, [Wanted(license_of("North"), pool(target), quantity)])


def test_more_than_is_free_is_refused_when_the_plan_is_made(account: SmartAccount, operator: Actor) -> None:
    """1,520 are owned in North, and 10 of them in use."""
    with pytest.raises(Refusal, match=r"1,510 licenses of .* are free in North, and 1,511 were to move") as refused:
        planning.create(operator, account, [Wanted(license_of("North"), pool("South"), 1511)])
    assert (refused.value.field, refused.value.next_step) == ("quantity", "Enter at most 1,510.")
    with pytest.raises(Refusal, match="1,511 were to move"):
        planned(account, operator, 1500, 11)
    assert not TransferPlan.objects.exists()
    assert planned(account, operator, 1500, 10).steps.exists()


def test_what_an_earlier_step_brings_is_free_for_a_later_one(account: SmartAccount, operator: Actor) -> None:
    west = make.make_virtual_account(smart_account=account, name="West")
    middle = License.objects.filter(virtual_account__name="South", name=NAME)
    middle.update(quantity=0, in_use=0, available=0)
    row = license_of("South")
    make.make_line(license=row, quantity=3)

    there = Wanted(license_of("North"), pool("South"), 3)
    assert planning.create(operator, account, [there, Wanted(row, west, 3)]).steps.count() == 2
    with pytest.raises(Refusal, match=r"0 licenses of .* are free in South"):
        planning.create(operator, account, [Wanted(row, west, 3), there])


def test_plan_without_moves_is_refused(account: SmartAccount, operator: Actor) -> None:
    with pytest.raises(Refusal, match="nothing to move"):
        planning.create(operator, account, [])


# --- A second person ---


def test_second_person_approves_where_the_account_asks_for_it(
    account: SmartAccount, operator: Actor, acme_users: dict[str, User]
) -> None:
    account.approve_transfers = True
    account.save()
    plan = planned(account, operator, 5)
    owner = actor(acme_users["owner"])

    with pytest.raises(Refusal, match="not approved"):
        planning.request(operator, plan)
    with pytest.raises(Refusal, match="cannot approve it"):
        planning.approve(operator, plan)
    planning.approve(owner, plan)

    assert (plan.state, plan.approved_by, AuditEntry.objects.latest("id").action) == (
        "approved",
        owner.user,
        "approved",
    )
    assert execute(plan, operator).state == "done"
    with pytest.raises(Refusal, match="Only a draft"):
        planning.approve(owner, plan)


def test_cancelled_plan_is_not_executed(account: SmartAccount, operator: Actor) -> None:
    plan = planning.cancel(operator, planned(account, operator, 5))

    with pytest.raises(Refusal, match="cancelled already"):
        planning.request(operator, plan)
    with pytest.raises(Refusal, match="is cancelled"):
        planning.cancel(operator, plan)


def test_on_prem_and_paused_accounts_are_refused(account: SmartAccount, operator: Actor) -> None:
    plan = planned(account, operator, 5)
    account.license_server.kind = "on_prem"
    plan.smart_account = account
    with pytest.raises(Refusal, match="no call that moves licenses"):
        planning.check_start(plan)

    account.license_server.kind, account.paused_at = "cloud", account.created_at
    with pytest.raises(Refusal, match="is paused"):
        planning.check_start(plan)


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (lambda: SmartAccount.objects.update(paused_at=timezone.now()), "Account is paused."),
        (
            lambda: VirtualAccount.objects.filter(name="South").update(purpose="ordered"),
            "South is the ordered pool, which serves no applications.",
        ),
    ],
)
def test_what_changed_while_the_plan_waited_stops_it_before_anything_is_sent(
    account: SmartAccount, operator: Actor, cisco: Account, change: Any, cause: str
) -> None:
    plan = planned(account, operator, 5)
    planning.request(operator, plan)
    change()

    transfers_executing.run(TransferPlan.objects.get(pk=plan.pk))

    plan.refresh_from_db()
    assert (plan.state, plan.cause) == ("stopped", cause)
    assert states(plan) == ["waiting", "waiting"]
    agree(plan, cisco)
    with pytest.raises(Refusal, match=cause):
        planning.request(operator, plan)


# --- Executing ---


def test_every_step_is_read_back(account: SmartAccount, operator: Actor, cisco: Account) -> None:
    plan = execute(planned(account, operator, 1100), operator)

    assert (plan.state, states(plan), plan.cause) == ("done", ["verified"] * 4, "")
    assert at_cisco(cisco)["South", NAME] == 1100
    first = plan.steps.get(position=1)
    assert first.before == {
        "source": {"quantity": 1520, "in_use": 10, "available": 1510},
        "target": {"quantity": 0, "in_use": 5, "available": -5},
    }
    assert first.after["target"] == {"quantity": 20, "in_use": 5, "available": 15}
    assert first.verified_at >= first.sent_at >= plan.started_at
    agree(plan, cisco)
    assert AuditEntry.objects.latest("id").action == "executed"


def test_lost_answer_is_read_back_and_not_repeated(
    account: SmartAccount, operator: Actor, cisco: Account, nth: Any
) -> None:
    plan = planned(account, operator, 5, 6)
    calls = nth(2, "lost-answers")

    execute(plan, operator)

    assert (plan.state, calls.calls) == ("done", 3)
    agree(plan, cisco)


@pytest.mark.parametrize(
    ("scenario", "words"),
    [
        ("lost-writes", "did not reach Cisco"),
        ("reset", "did not reach Cisco"),
        ("item-failures", "could not be processed"),
        ("business-error", "could not be processed"),
        ("server-error", "did not reach Cisco"),
        ("no-role", "role"),
    ],
)
def test_plan_stops_at_the_first_failure_and_finishes_later(
    account: SmartAccount,
    operator: Actor,
    cisco: Account,
    emulator: EmulatorThread,
    nth: Any,
    scenario: str,
    words: str,
) -> None:
    plan = planned(account, operator, 5, 6)
    calls = nth(2, scenario)

    execute(plan, operator)

    assert (plan.state, states(plan)) == ("stopped", ["verified", "failed", "waiting"])
    assert words in plan.cause
    assert plan.next_step
    assert calls.calls == 2
    agree(plan, cisco)

    emulator.scenario("none")
    execute(plan, operator)

    assert (plan.state, states(plan), plan.cause) == ("done", ["verified"] * 3, "")
    assert at_cisco(cisco)["South", NAME] == 11
    agree(plan, cisco)


def test_late_arrival_is_found_before_it_is_sent_again(
    account: SmartAccount, operator: Actor, cisco: Account, emulator: EmulatorThread, nth: Any
) -> None:
    """Cisco carries it out after we have looked: a retry would move twice."""
    plan = planned(account, operator, 5)
    nth(1, "lost-writes")
    execute(plan, operator)
    assert states(plan) == ["failed", "waiting"]
    cisco.set_license("North", NAME, quantity=1515)
    cisco.set_license("South", NAME, quantity=5)
    emulator.scenario("none")

    execute(plan, operator)

    assert (plan.state, states(plan)) == ("done", ["verified"] * 2)
    agree(plan, cisco)


@pytest.fixture
def unclear(account: SmartAccount, operator: Actor, cisco: Account, nth: Any) -> tuple[TransferPlan, Nth]:
    """Five moved, and at the same moment Cisco deposited a hundred in South: no figures can tell."""

    async def deposit(request: web.Request, handler: Handler) -> web.StreamResponse:
        answer = await handler(request)
        cisco.set_license("South", NAME, quantity=105)
        return answer

    plan, calls = planned(account, operator, 5), nth(1, deposit)
    return execute(plan, operator), calls


def test_figures_that_fit_neither_are_unclear(unclear: Any, operator: Actor) -> None:
    plan, calls = unclear
    assert (plan.state, states(plan)) == ("stopped", ["unclear", "waiting"])
    assert "South had 0 and has 105" in plan.cause

    execute(plan, operator)
    assert (plan.state, states(plan), calls.calls) == ("stopped", ["unclear", "waiting"], 1)


def test_step_that_a_person_says_moved_is_not_sent_again(unclear: Any, operator: Actor, cisco: Account) -> None:
    plan, calls = unclear

    plan = planning.settle(operator, plan.steps.get(position=1), moved=True)
    assert (plan.state, states(plan)) == ("stopped", ["verified", "waiting"])
    assert plan.cause == "Step 1 was settled by hand: its licenses moved."

    execute(plan, operator)
    assert (plan.state, states(plan), calls.calls) == ("done", ["verified"] * 2, 2)
    assert at_cisco(cisco)["North", NAME] == 1515
    entry = AuditEntry.objects.get(action="settled")
    assert (entry.user, entry.changes["state"]) == (operator.user, ["unclear", "verified"])


def test_step_that_a_person_says_did_not_move_is_sent(unclear: Any, operator: Actor, cisco: Account) -> None:
    plan, calls = unclear
    cisco.set_license("North", NAME, quantity=1520)

    plan = planning.settle(operator, plan.steps.get(position=1), moved=False)
    step = plan.steps.get(position=1)
    assert (step.state, step.sent_at, step.before, step.after) == ("waiting", None, {}, {})

    execute(plan, operator)
    assert (plan.state, states(plan), calls.calls) == ("done", ["verified"] * 2, 3)
    assert (at_cisco(cisco)["North", NAME], at_cisco(cisco)["South", NAME]) == (1515, 110)


def test_only_a_read_back_unclear_step_of_a_stopped_plan_is_settled(unclear: Any, operator: Actor) -> None:
    plan, _ = unclear
    first, second = plan.steps.order_by("position")

    with pytest.raises(Refusal, match="This step is waiting"):
        planning.settle(operator, second, moved=True)
    TransferStep.objects.filter(pk=first.pk).update(after={})
    with pytest.raises(Refusal, match="was not read back yet"):
        planning.settle(operator, first, moved=True)
    planning.cancel(operator, plan)
    with pytest.raises(Refusal, match="is cancelled"):
        planning.settle(operator, first, moved=True)
    assert states(plan) == ["unclear", "waiting"]


def test_reading_back_that_fails_is_unclear_and_settled_next_time(
    account: SmartAccount, operator: Actor, cisco: Account, emulator: EmulatorThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = []

    async def goes_dark(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.endswith("/transfer"):
            sent.append(await handler(request))
        return await (reset if sent else handler)(request, *([handler] if sent else []))

    plan = planned(account, operator, 5)
    monkeypatch.setitem(SCENARIOS, "dark", goes_dark)
    emulator.scenario("dark")
    execute(plan, operator)

    assert (plan.state, states(plan)) == ("stopped", ["unclear", "waiting"])
    assert "reading back failed" in plan.cause

    from licensing.cisco.transport import forget_circuits

    forget_circuits()
    emulator.scenario("none")
    execute(plan, operator)
    assert (plan.state, states(plan), len(sent)) == ("done", ["verified"] * 2, 1)
    agree(plan, cisco)


def test_cisco_that_does_not_answer_leaves_the_step_waiting(
    account: SmartAccount, operator: Actor, cisco: Account, emulator: EmulatorThread
) -> None:
    plan = planned(account, operator, 5)
    emulator.scenario("business-error")

    execute(plan, operator)

    assert (plan.state, states(plan)) == ("stopped", ["waiting"] * 2)
    assert "Nothing was sent" in plan.cause
    agree(plan, cisco)


def test_licenses_that_are_used_by_now_are_not_taken(account: SmartAccount, operator: Actor, cisco: Account) -> None:
    plan = planned(account, operator, 5)
    cisco.set_license("North", NAME, inUse=1517)

    execute(plan, operator)

    assert (plan.state, states(plan)) == ("stopped", ["failed", "waiting"])
    assert "Only 3 of" in plan.cause
    agree(plan, cisco)


# --- One at a time ---


def test_one_plan_of_an_account_at_a_time(account: SmartAccount, operator: Actor) -> None:
    first, second = planned(account, operator, 5), planned(account, operator, 6)
    planning.request(operator, first)

    with pytest.raises(Refusal, match="Another transfer plan"):
        planning.request(operator, second)
    with pytest.raises(Refusal, match="queued already"):
        planning.request(operator, first)


def test_message_that_comes_again_for_a_begun_plan_stops_it_as_lost(account: SmartAccount, operator: Actor) -> None:
    """A worker died: its message is delivered again, and the step that was under way may have reached Cisco."""
    plan = planned(account, operator, 5)
    planning.request(operator, plan)
    TransferPlan.objects.filter(pk=plan.pk).update(state="running", started_at=plan.queued_at)
    plan.steps.filter(position=1).update(state="sending", sent_at=plan.queued_at)

    transfers_executing.run(plan)

    assert (plan.state, states(plan)) == ("stopped", ["unclear", "waiting"])
    assert "worker" in plan.cause


def test_plan_whose_worker_died_is_found(account: SmartAccount, operator: Actor, globex: Partner) -> None:
    plan = planned(account, operator, 5)
    TransferPlan.objects.filter(pk=plan.pk).update(state="running", started_at=account.created_at)

    with tenant_context(globex):
        assert lock.fail_lost() == []
    assert lock.fail_lost() == [plan]
    assert lock.fail_lost() == []


def test_both_partners_see_only_their_plans(account: SmartAccount, operator: Actor, globex: Partner) -> None:
    planned(account, operator, 5)

    with tenant_context(globex):
        assert not TransferPlan.objects.exists()
        assert not TransferStep.objects.exists()


# --- The effect that is shown before is what becomes of it ---

LICENSE = "Emergency Responder User License"


@pytest.fixture
def crowded(acme: Partner, emulator: EmulatorThread) -> SmartAccount:
    """South lacks 5, North has plenty; alerts are evaluated."""
    cisco = emulator.state.add("acme.example", "Acme")
    for name, quantity, used in (("North", 300, 100), ("South", 95, 100)):
        cisco.add_pool(name)
        line = {**TERM, "quantity": quantity}
        cisco.set_license(name, LICENSE, quantity=quantity, inUse=used, licenseDetails=[line])
        cisco.add_device(name, f"0000{used}{name}", {LICENSE: used})
    account = account_of(emulator)
    sync(account)
    return account


def sync(account: SmartAccount) -> None:
    """With the evaluation that follows a sync."""
    run, _ = runs.request(account, "test")
    assert syncing.run_sync(run).status == "succeeded"
    evaluation.evaluate()


def open_alerts() -> set[tuple[str, str, str]]:
    alerts = Alert.objects.open().filter(kind__in=supposed.KINDS)
    return set(alerts.values_list("kind", "subject_name", "subject_place"))


def shown(effect: Effect, opens: bool) -> set[tuple[str, str, str]]:
    return {(one.kind, one.subject, one.place) for one in effect.alerts if one.opens == opens}


@pytest.mark.parametrize("headroom", [0, 5])
@pytest.mark.parametrize("threshold", [10, 60])
def test_alerts_after_the_plan_are_those_that_were_shown(
    crowded: SmartAccount, operator: Actor, headroom: int, threshold: int
) -> None:
    AlertRule.objects.filter(kind="free_below").update(threshold=threshold)
    SmartAccount.objects.update(transfer_headroom=headroom)
    evaluation.evaluate()
    before = open_alerts()
    wanted = remedies.wanted_for(license_of("South", LICENSE))
    plan = planning.create(operator, SmartAccount.objects.get(), wanted)
    effect = effects.of_plan(plan)

    assert execute(plan, operator).state == "done"
    sync(crowded)

    assert (open_alerts() - before, before - open_alerts()) == (shown(effect, True), shown(effect, False))
    for side in effect.sides:
        row = license_of(side.virtual_account.name, LICENSE)
        assert (row.quantity, row.in_use, max(row.available, 0)) == (
            side.after.owned,
            side.after.in_use,
            side.after.free,
        )


def test_proposed_remedy_opens_no_new_alert(crowded: SmartAccount, operator: Actor) -> None:
    before = open_alerts()
    assert before == {("out_of_compliance", LICENSE, "South")}
    wanted = remedies.wanted_for(license_of("South", LICENSE))

    assert execute(planning.create(operator, crowded, wanted), operator).state == "done"
    sync(crowded)

    assert open_alerts() == set()


def test_a_transfer_is_a_move_and_hides_nothing_that_cisco_owes(account: SmartAccount, operator: Actor) -> None:
    """It looked like a deposit: "+96, Sub1", and 96 licenses were missing no more."""
    VirtualAccount.objects.filter(name="North").update(purpose="ordered")
    VirtualAccount.objects.filter(name="South").update(purpose="operational")

    def owed() -> tuple[list[delivery.Purchase], list[tuple[str, int]], int]:
        items = Items((Reason.NOT_DEPOSITED,))[0:10]
        missing = sum(row.figures.undelivered for row in balance.of(account).by_license)
        return delivery.figures([account.pk]), [(item.subject, item.licenses) for item in items], missing

    before = owed()
    assert (sorted(before[1]), before[2]) == ([(OTHER, 7), (NAME, 1520)], 1527)
    assert execute(planned(account, operator, 96), operator).state == "done"
    assert owed() == before  # no sync has seen it yet
    run, _ = runs.request(account, "test")
    assert syncing.run_sync(run).status == "succeeded"

    assert owed() == before
    rows = Movement.objects.filter(sync_run=run.pk).select_related("virtual_account", "counterpart")
    assert {row.route for row in rows} == {"moved by the portal from North to South"}
    assert sorted((row.virtual_account.name, row.quantity, row.key) for row in rows) == [
        ("North", -76, "Sub1"),
        ("North", -20, ""),
        ("North", -2, ""),
        ("South", 2, ""),
        ("South", 20, ""),
        ("South", 76, "Sub1"),
    ]
    assert not ExpectedMove.objects.exists()
    (newest, *_) = deposits.timeline([pool("South")])
    assert all(row.by_portal for row in newest.movements)


def test_what_a_person_says_moved_is_a_move_and_the_rest_a_deposit(
    unclear: Any, operator: Actor, account: SmartAccount
) -> None:
    plan, _ = unclear
    planning.settle(operator, plan.steps.get(position=1), moved=True)
    run, _ = runs.request(account, "test")
    assert syncing.run_sync(run).status == "succeeded"

    rows = Movement.objects.filter(sync_run=run.pk, virtual_account__name="South", license_name=NAME)
    assert sum(row.quantity for row in rows if row.by_portal) == 5
    assert sum(row.quantity for row in rows) == 105
