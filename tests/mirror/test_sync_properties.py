"""Any sequence of Cisco's states, synced one after another with random faults between, ends equal to the last state."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from licensing.accounts.models import SmartAccount
from licensing.cisco.emulator.server import EmulatorThread
from licensing.cisco.emulator.state import Account
from licensing.cisco.transport import forget_circuits
from licensing.mirror.models import Change, SyncRun
from licensing.mirror.sync import runs
from licensing.operations import syncing
from tests.mirror_rows import linked_wrongly, listed, mirrored

POOLS = ("DEFAULT", "A&B", "C / D")
NAMES = ("Basic License", "Enhanced License")
FAULTS = ("none", "none", "reset", "server-error", "second-page-fails", "truncated", "no-role")

usage = st.dictionaries(st.sampled_from(NAMES), st.integers(0, 9))
licenses = st.dictionaries(st.tuples(st.sampled_from(POOLS), st.sampled_from(NAMES)), st.integers(0, 9))
devices = st.dictionaries(st.sampled_from("12345"), st.tuples(st.sampled_from(POOLS), usage))
tokens = st.dictionaries(st.sampled_from("xyz"), st.sampled_from(POOLS))
states = st.tuples(st.sets(st.sampled_from(POOLS[1:])), licenses, devices, tokens)
steps = st.lists(st.tuples(states, st.sampled_from(FAULTS)), min_size=1, max_size=5)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("licensing.cisco.transport.ATTEMPTS", 1)


def become(cisco: Account, state: Any) -> None:
    """Rows of pools that the state does not have are left out, as Cisco would."""
    pools, license_figures, device_places, token_places = state
    pools = {"DEFAULT", *pools}
    cisco.virtual_accounts, cisco.licenses, cisco.devices = [], [], []
    known = {raw["description"]: raw for found in cisco.tokens.values() for raw in found}
    cisco.tokens = {}
    for pool in sorted(pools):
        cisco.add_pool(pool, default=pool == "DEFAULT")
    for (pool, name), quantity in license_figures.items():
        if pool in pools:
            cisco.set_license(pool, name, quantity=quantity)
    for serial, (pool, used) in device_places.items():
        if pool in pools:
            dates = {"registrationDate": "2026-01-01T00:00:00Z", "lastContactDate": "2026-11-01T00:00:00Z"}
            cisco.add_device(pool, serial, used, **dates)
    for text, pool in token_places.items():
        if pool in pools:
            raw = known.get(text) or cisco.add_token(pool, text, 30)
            cisco.tokens.setdefault(pool, [])
            if raw not in cisco.tokens[pool]:
                cisco.tokens[pool].append(raw)


@pytest.fixture
def rolled_back() -> Iterator[Any]:
    """Each example in a savepoint of its own."""

    def example(work: Any) -> None:
        with transaction.atomic():
            work()
            transaction.set_rollback(True)

    return example


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sequence=steps)
def test_any_sequence_of_states_ends_equal_to_the_last(
    account: SmartAccount, emulator: EmulatorThread, rolled_back: Any, sequence: list[tuple[Any, str]]
) -> None:
    rolled_back(lambda: play(account, emulator, sequence))


def play(account: SmartAccount, emulator: EmulatorThread, sequence: list[tuple[Any, str]]) -> None:
    emulator.state.clear()
    cisco = emulator.state.add("acme.example", "Acme")
    for state, fault in sequence:
        become(cisco, state)
        step(account, emulator, cisco, fault)
    step(account, emulator, cisco, "none")
    assert linked_wrongly(account) == 0


def step(account: SmartAccount, emulator: EmulatorThread, cisco: Account, fault: str) -> None:
    before = mirrored(account)
    forget_circuits()
    emulator.scenario(fault)
    run, _ = runs.request(account, "test")
    run = syncing.run_sync(run)
    emulator.scenario("none")
    if run.status == SyncRun.Status.SUCCEEDED:
        assert mirrored(account) == listed(cisco)
        rows = sum(map(len, listed(cisco).values()))
        assert run.created + run.changed + run.back + run.unchanged == rows
    else:
        assert fault != "none"
        assert mirrored(account) == before
    changes = Change.objects.filter(sync_run=run)
    counted = {kind: changes.filter(kind=kind).count() for kind in ("created", "changed", "gone", "back")}
    assert counted == {kind: run.counts[kind] for kind in counted}
