"""The emulator's own addresses: state out, state in, calls counted."""

import httpx2
import pytest

from licensing.cisco.emulator.server import EmulatorThread


def test_state_is_read_changed_and_put_back(emulator: EmulatorThread) -> None:
    emulator.state.add("acme.example", "Acme").add_device("DEFAULT", "aaaaa", {"Any": 1})
    address = emulator.origin + "/_emulator/state"

    shown = httpx2.get(address, trust_env=False).json()
    shown["acme.example"]["devices"] = []
    answer = httpx2.put(address, json=shown, trust_env=False)

    assert answer.json() == {"accounts": ["acme.example"]}
    assert emulator.state.accounts["acme.example"].devices == []
    assert httpx2.get(address, trust_env=False).json() == shown


@pytest.mark.parametrize("body", ["no json", "[]", '{"x": {"surprise": 1}}'])
def test_state_that_is_none_is_refused_and_changes_nothing(emulator: EmulatorThread, body: str) -> None:
    emulator.state.add("acme.example", "Acme")

    answer = httpx2.put(emulator.origin + "/_emulator/state", content=body, trust_env=False)

    assert answer.status_code == 400
    assert list(emulator.state.accounts) == ["acme.example"]


def test_unknown_path_answers_like_a_gateway_and_is_counted(emulator: EmulatorThread) -> None:
    answer = httpx2.get(emulator.origin + "/nowhere", trust_env=False)

    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert httpx2.get(emulator.origin + "/_emulator/calls", trust_env=False).json() == {"calls": 1}


def test_unknown_scenario_is_refused(emulator: EmulatorThread) -> None:
    answer = httpx2.post(emulator.origin + "/_emulator/scenario", json={"scenario": "rain"}, trust_env=False)

    assert answer.status_code == 400
    assert emulator.session.scenario == "none"
