"""Each verb arranges what must follow it, by itself, and only once its transaction is committed."""

import base64
import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import redis
from celery import Task
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from kit.broker import BrokerUnavailable
from licensing.accounts import clients, smart_accounts
from licensing.assignments import auto_registration, batches, decisions
from licensing.assignments.jobs import actions
from licensing.assignments.models import AssignmentJob, AutoRegistration
from licensing.channels import channels
from licensing.channels.models import Delivery
from licensing.fleet.access import settings as access_settings
from licensing.fleet.models import ClusterAccess
from licensing.operations import lifecycle, requests, syncing
from licensing.pools.transfers import planning
from people.audit import Actor, snapshot
from people.models import Role, User
from tenants.models import Partner, ScheduledJob
from tests import factories as make

ANNA = Actor(None, "anna@acme.example")
ROOT = Path(__file__).resolve().parents[2]
Arranged = list[tuple[str, ...]]
Verb = Callable[[], object]


class NotMeant(Exception):
    """Roll the transaction back."""


def roll_back(verb: Verb) -> None:
    try:
        with transaction.atomic():
            verb()
            raise NotMeant
    except NotMeant:
        return


def arranged() -> Arranged:
    """What stands in the broker's queue, and what is planned: (partner, task or job, interval)."""
    found: Arranged = []
    for raw in redis.Redis.from_url(settings.REDIS_URL).lrange("celery", 0, -1):
        message = json.loads(raw)
        json.loads(base64.b64decode(message["body"]))  # a message that a worker can read
        found.append((message["headers"]["_schema_name"], message["headers"]["task"]))
    planned = ScheduledJob.objects.exclude(job__in=settings.PARTNER_JOBS)
    rows = planned.values_list("partner__schema_name", "job", "subject_id", "every")
    return sorted([*found, *((schema, job, str(subject), str(every)) for schema, job, subject, every in rows)])


# --- the verbs, each with what it needs ---


def assign() -> Verb:
    cluster, pool = make.make_cluster(), make.make_pool()
    return lambda: decisions.assign(ANNA, cluster, pool)


def reassign() -> Verb:
    assignment, pool = make.make_assignment(virtual_account=make.make_pool()), make.make_pool()
    return lambda: decisions.reassign(ANNA, assignment.cluster, pool)


def end() -> Verb:
    assignment = make.make_assignment()
    make.make_instance(virtual_account=assignment.virtual_account, cluster=assignment.cluster)
    return lambda: decisions.end(ANNA, assignment)


def confirm() -> Verb:
    job = make.make_assignment_job({"license_mode": "by_hand"}, state="by_hand")
    return lambda: actions.confirm(ANNA, job, "license_mode")


def retry() -> Verb:
    job = make.make_assignment_job({"license_mode": "failed"}, state="failed")
    return lambda: actions.retry(ANNA, AssignmentJob.objects.get(pk=job.pk))


def plan_batch() -> Verb:
    batch = make.make_batch(needs_approval=False)
    return lambda: batches.plan(ANNA, batch)


def cancel_batch() -> Verb:
    batch = make.make_batch(needs_approval=False)
    batches.plan(ANNA, batch)
    return lambda: batches.cancel(ANNA, batch)


def switch_on() -> Verb:
    pool = make.make_pool(purpose="operational")
    return lambda: auto_registration.switch_on(ANNA, pool.smart_account, on_upgrade=True, may_restart=False)


def switch_off() -> Verb:
    option = switch_on()()
    assert isinstance(option, AutoRegistration)
    return lambda: auto_registration.switch_off(ANNA, AutoRegistration.objects.get(pk=option.pk))


def add_smart_account() -> Verb:
    server = make.make_server()
    return lambda: smart_accounts.add_smart_account(ANNA, server, "added.example")


def save_smart_account() -> Verb:
    account = make.make_smart_account()
    before = snapshot(account)
    account.sync_every = timedelta(hours=2)
    return lambda: smart_accounts.save_smart_account(ANNA, account, before)


def added_account() -> Any:
    return smart_accounts.add_smart_account(ANNA, make.make_server(), "added.example")


def pause() -> Verb:
    account = added_account()
    return lambda: lifecycle.pause(ANNA, type(account).objects.get(pk=account.pk))


def resume() -> Verb:
    account = make.make_smart_account(paused_at=timezone.now())
    return lambda: lifecycle.resume(ANNA, type(account).objects.get(pk=account.pk))


def remove() -> Verb:
    account = added_account()
    return lambda: lifecycle.remove(ANNA, type(account).objects.get(pk=account.pk))


def start_sync() -> Verb:
    account = make.make_smart_account()
    return lambda: syncing.start_sync(account, ANNA.label)


def start_transfers() -> Verb:
    plan = make.make_plan()
    return lambda: planning.request(ANNA, plan)


def start_request() -> Verb:
    pool, user = make.make_pool(), User.objects.get(role=Role.OPERATOR)
    asked = {"virtual_account": pool, "description": "", "expires_after_days": 1}
    return lambda: requests.start(user, requests.CREATE_TOKEN, **asked)


def test_channel() -> Verb:
    channel = make.make_channel()
    return lambda: channels.test(ANNA, channel)


test_channel.__test__ = False  # type: ignore[attr-defined] # pytest would take it for a test


def send_again() -> Verb:
    (row,) = channels.test(ANNA, make.make_channel())
    redis.Redis.from_url(settings.REDIS_URL).delete("celery")
    Delivery.objects.update(state="failed")
    return lambda: channels.send_again(ANNA, row)


def check_connection() -> Verb:
    server = make.make_server()
    return lambda: clients.start_check(server)


def check_access() -> Verb:
    access = ClusterAccess.objects.create(cluster=make.make_cluster())
    return lambda: access_settings.start_check(access)


CARRY_OUT = "licensing.assignments.tasks.carry_out"
# What follows each verb: a task in the queue, the interval of a planned job, or nothing of what was planned before.
FOLLOWS: dict[Callable[[], Verb], tuple[str, ...]] = {
    assign: (CARRY_OUT,),
    reassign: (CARRY_OUT,),
    end: (CARRY_OUT,),
    confirm: (CARRY_OUT,),
    retry: (CARRY_OUT,),
    plan_batch: ("batch", "0:01:00"),
    cancel_batch: (),
    switch_on: ("auto_registration", "0:15:00"),
    switch_off: (),
    add_smart_account: ("sync", "1 day, 0:00:00"),
    save_smart_account: ("sync", "2:00:00"),
    pause: (),
    resume: ("sync", "1 day, 0:00:00"),
    remove: (),
    start_sync: ("licensing.operations.tasks.run_sync",),
    start_transfers: ("licensing.operations.tasks.run_transfer_plan",),
    start_request: ("licensing.operations.tasks.carry_out_request",),
    test_channel: ("licensing.channels.tasks.deliver_message",),
    send_again: ("licensing.channels.tasks.deliver_message",),
    check_connection: ("licensing.operations.tasks.check_connection",),
    check_access: ("licensing.fleet.tasks.check_cluster_access",),
}


@pytest.fixture
def empty_queue(committed: None) -> Iterator[None]:
    redis.Redis.from_url(settings.REDIS_URL).delete("celery")
    yield
    redis.Redis.from_url(settings.REDIS_URL).delete("celery")


@pytest.mark.parametrize("prepare", FOLLOWS, ids=lambda prepare: prepare.__name__)
@pytest.mark.parametrize("schema", ["acme", "globex"])
def test_verb_arranges_what_follows_once_it_is_committed(
    empty_queue: None, in_partner: Any, prepare: Callable[[], Verb], schema: str
) -> None:
    wanted = [(schema, *FOLLOWS[prepare])] if FOLLOWS[prepare] else []
    with in_partner(schema):
        verb = prepare()
        before = arranged()

        roll_back(verb)
        rolled_back = arranged()
        verb = prepare_again(prepare, verb)
        with transaction.atomic():
            verb()
            in_queue = [row for row in arranged() if len(row) == 2]
        after = arranged()

    assert rolled_back == before
    assert in_queue == []
    assert [(row[0], row[1], *row[3:]) for row in after] == wanted


def prepare_again(prepare: Callable[[], Verb], verb: Verb) -> Verb:
    """The same verb on the same rows, which are read anew where the verb has written to those in memory."""
    for cell in verb.__closure__ or ():
        row = cell.cell_contents
        if hasattr(row, "refresh_from_db") and prepare is not save_smart_account:
            row.refresh_from_db()
    return verb


def test_tasks_that_are_named_by_a_path_exist() -> None:
    """Each text of the form licensing.….tasks.name in the code is a Celery task."""
    paths = {
        found
        for package in ("kit", "people", "tenants", "portal", "licensing")
        for file in (ROOT / package).rglob("*.py")
        for found in re.findall(r"[\"']((?:licensing|tenants|people)\.[\w.]*tasks\.\w+)[\"']", file.read_text())
    }

    assert len(paths) > 10
    for path in paths:
        import_module(path.rpartition(".")[0])
        assert isinstance(import_string(path), Task), path


@pytest.mark.parametrize("schema", ["acme", "globex"])
def test_commit_without_a_broker_says_so_and_leaves_nothing(
    acme: Partner, no_broker: None, in_partner: Any, schema: str
) -> None:
    with in_partner(schema):
        verb = test_channel()

        with pytest.raises(BrokerUnavailable):
            commit(verb)

        assert Delivery.objects.count() == 0


def commit(verb: Verb) -> None:
    with transaction.atomic():
        verb()
