"""AXL over real HTTP against the emulator's publishers, on good days and on bad ones."""

import dataclasses
import logging
from collections.abc import Callable
from typing import Any

import pytest

from licensing.cisco.emulator.axl import INVALID, PASSWORD, USERNAME
from licensing.cisco.emulator.server import EmulatorThread
from licensing.cisco.emulator.state import Account
from licensing.fleet.access import soap
from licensing.fleet.access.answers import ReachRefused, ReachUnavailable, Status
from licensing.fleet.access.axl import Axl, AxlConfig

HOST = "cucm-pub.harbor.example"
ENHANCED = "UC Manager Enhanced License (12.x)"


@pytest.fixture
def account(emulator: EmulatorThread) -> Account:
    account = emulator.state.add("acme.example", "Acme")
    account.add_pool("R&D / <Lab>")
    return account


@pytest.fixture
def config(emulator: EmulatorThread) -> AxlConfig:
    return AxlConfig(
        f"{emulator.origin}/publishers/{HOST}",
        USERNAME,
        PASSWORD,
        "14.0.1",
        allow_http=True,
        allowed_networks=("127.0.0.0/8",),
        settle_seconds=0.3,
        pause_seconds=0.05,
        read_seconds=1.0,
    )


@pytest.fixture
def token(account: Account) -> str:
    return str(account.add_token("R&D / <Lab>", "for the test", 5, export=True)["token"])


def ask(config: AxlConfig, act: Callable[[Axl], Status], **changes: Any) -> Status:
    with Axl(dataclasses.replace(config, **changes)) as axl:
        return act(axl)


def devices(account: Account) -> list[tuple[str, str]]:
    return [(raw["hostName"], raw["virtualAccount"]) for raw in account.devices]


def test_unregistered_cluster(config: AxlConfig, account: Account) -> None:
    assert ask(config, Axl.status) == Status(
        registered=False, virtual_account="", smart_account="", authorization="Evaluation Mode"
    )


@pytest.mark.parametrize("scenario", ["none", "axl-wrapped"])
def test_registered_cluster_with_and_without_the_wrapper(
    config: AxlConfig, account: Account, emulator: EmulatorThread, scenario: str
) -> None:
    account.add_device("R&D / <Lab>", "00001", {ENHANCED: 3}, hostName=HOST)
    emulator.scenario(scenario)

    assert ask(config, Axl.status) == Status(
        registered=True,
        virtual_account="R&D / <Lab>",
        smart_account="Acme",
        authorization="Authorized",
        export_control=False,
    )


def test_registration_puts_the_instance_into_the_tokens_pool(config: AxlConfig, account: Account, token: str) -> None:
    found = ask(config, lambda axl: axl.register(token))

    assert (found.registered, found.virtual_account, found.export_control) == (True, "R&D / <Lab>", True)
    assert devices(account) == [(HOST, "R&D / <Lab>")]


def test_registered_cluster_is_not_registered_twice(
    config: AxlConfig, account: Account, token: str, emulator: EmulatorThread
) -> None:
    account.add_device("DEFAULT", "00001", {}, hostName=HOST)
    emulator.scenario("axl-fault")  # would refuse any write

    found = ask(config, lambda axl: axl.register(token))

    assert found.virtual_account == "DEFAULT"
    assert devices(account) == [(HOST, "DEFAULT")]


def test_dropped_connection_is_read_back_and_found_done(
    config: AxlConfig, account: Account, token: str, emulator: EmulatorThread
) -> None:
    emulator.scenario("axl-dropped")

    assert ask(config, lambda axl: axl.register(token)).registered is True
    assert devices(account) == [(HOST, "R&D / <Lab>")]
    assert ask(config, Axl.deregister).registered is False
    assert devices(account) == []


def test_lost_write_is_read_back_and_not_repeated(
    config: AxlConfig, account: Account, token: str, emulator: EmulatorThread
) -> None:
    emulator.scenario("axl-lost")

    with pytest.raises(ReachUnavailable) as error:
        ask(config, lambda axl: axl.register(token))

    assert "is not registered after" in error.value.message
    assert error.value.next_step.startswith("Test the access")
    assert devices(account) == []


def test_deregistration_remembers_the_usage(config: AxlConfig, account: Account, token: str) -> None:
    account.add_device("DEFAULT", "00001", {ENHANCED: 3}, hostName=HOST)

    ask(config, Axl.deregister)
    ask(config, Axl.deregister)  # done already: nothing is asked
    ask(config, lambda axl: axl.register(token))

    [raw] = account.devices
    assert (raw["virtualAccount"], raw["licenseUsage"]) == ("R&D / <Lab>", [{"license": ENHANCED, "quantity": 3}])


def test_invalid_token_is_refused_in_the_products_own_words(config: AxlConfig, account: Account) -> None:
    with pytest.raises(ReachRefused) as error:
        ask(config, lambda axl: axl.register("no-such-token"))

    assert INVALID.rstrip(".") in error.value.message
    assert "another registration token" in error.value.next_step


@pytest.mark.parametrize(
    ("scenario", "kind", "words"),
    [
        ("axl-silent", ReachUnavailable, "did not answer in time"),
        ("axl-missing", ReachRefused, "has no AXL at this address"),
        ("axl-not-xml", ReachUnavailable, "incomplete or not XML"),
        ("truncated", ReachUnavailable, "broke off its response"),
        ("reset", ReachUnavailable, "broke off its response"),
        ("server-error", ReachUnavailable, "answered with HTTP 502, not with AXL"),
    ],
)
def test_bad_days_are_told_apart(
    config: AxlConfig, account: Account, emulator: EmulatorThread, scenario: str, kind: type[Exception], words: str
) -> None:
    emulator.scenario(scenario)

    with pytest.raises(kind, match=words) as error:
        ask(config, Axl.status, read_seconds=0.3)

    assert error.value.next_step  # type: ignore[attr-defined]


def test_fault_is_a_refusal_with_its_reason(
    config: AxlConfig, account: Account, token: str, emulator: EmulatorThread
) -> None:
    emulator.scenario("axl-fault")

    with pytest.raises(ReachRefused, match="refused the call: The AXL service has a bad day"):
        ask(config, lambda axl: axl.register(token))


@pytest.mark.parametrize(
    ("changes", "kind", "words"),
    [
        ({"password": "wrong"}, ReachRefused, "refused the user name or the password"),
        ({"allow_http": False}, ReachRefused, "must begin with https"),
        ({"allowed_networks": ()}, ReachRefused, "an address that clusters may not have here"),
        ({"url": "http://127.0.0.1:1"}, ReachUnavailable, "cannot be reached"),
        ({"url": "http://169.254.169.254"}, ReachRefused, "may not have here"),
        ({"url": "http://no-such-host.invalid"}, ReachUnavailable, "does not resolve"),
        ({"ca_pem": "no certificate"}, ReachRefused, "CA certificate of this cluster cannot be read"),
    ],
)
def test_ways_that_lead_nowhere(
    config: AxlConfig, account: Account, changes: dict[str, Any], kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words):
        ask(config, Axl.status, **changes)


def test_larger_answer_than_believable_is_not_read(
    config: AxlConfig, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("licensing.fleet.access.axl.MAX_ANSWER_BYTES", 100)

    with pytest.raises(ReachUnavailable, match="exceeds the size limit"):
        ask(config, Axl.status)


def test_secrets_stay_out_of_logs_reprs_and_errors(
    config: AxlConfig, account: Account, token: str, emulator: EmulatorThread, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    ask(config, lambda axl: axl.register(token))
    with pytest.raises(ReachRefused) as error:
        ask(config, Axl.status, password="another-wrong-one")

    told = caplog.text + repr(config) + repr(error.value) + error.value.message + error.value.next_step

    assert [secret for secret in (PASSWORD, "another-wrong-one", token) if secret in told] == []


@pytest.mark.parametrize(
    ("version", "expected"),
    [("14.0.1", "14.0"), ("12.5.1.11900-146", "12.5"), ("15", "15.0"), ("", "12.5"), ("11.5", "12.5"), ("x", "12.5")],
)
def test_version_of_axl_follows_the_cluster(version: str, expected: str) -> None:
    assert soap.axl_version(version) == expected


@pytest.mark.parametrize(
    ("words", "registered"),
    [
        ("Registered", True),
        ("REGISTERED", True),
        ("Registered - Specific License Reservation", True),
        ("Unregistered", False),
        ("Unregistered (Unidentified)", False),
        ("Registration Expired", False),
        ("Unregistered: Registration Pending", False),
        ("Registering", None),
        ("", None),
        ("Something new", None),
    ],
)
def test_words_of_the_products_for_registered(words: str, registered: bool | None) -> None:
    answer = f"<a><LicenseDetails><Registration><Status>{words}</Status></Registration></LicenseDetails></a>"
    found = soap.read(answer.encode())

    assert isinstance(found, Status)
    assert found.registered is registered


@pytest.mark.parametrize(
    "content",
    [b"", b"<", b"plain words", b"\xff\xfe", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', b"<a>&undefined;</a>"],
)
def test_what_is_not_xml_or_not_harmless_is_not_read(content: bytes) -> None:
    with pytest.raises(soap.NotXml):
        soap.read(content)


def test_text_is_escaped_on_its_way_out() -> None:
    assert b"<token>a&amp;b&lt;c</token>" in soap.envelope("doSmartLicenseRegister", "14.0", {"token": "a&b<c"})
