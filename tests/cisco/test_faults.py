"""Answers that lie, drip or crash a careless reader, and connections that lead elsewhere."""

import dataclasses
import logging
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

import pytest

from licensing.cisco import formats, transport
from licensing.cisco.addresses import check_peer
from licensing.cisco.client import CssmClient
from licensing.cisco.emulator.server import CLIENT_SECRET, EmulatorThread
from licensing.cisco.emulator.state import Account
from licensing.cisco.errors import CssmError, CssmRefused, CssmUnavailable
from licensing.cisco.transport import ServerConfig
from licensing.cisco.trust import trust_context
from licensing.cisco.types import AccountRef, ItemResult, LicenseTransfer

ACME = AccountRef("acme.example")


@pytest.fixture
def account(emulator: EmulatorThread) -> Account:
    account = emulator.state.add("acme.example", "acme.example")
    account.add_pool("Pool")
    for number in range(20):
        account.add_device("Pool", f"{number:05d}", {})
    return account


def test_listing_without_totals_comes_whole(client: CssmClient, account: Account, emulator: EmulatorThread) -> None:
    emulator.scenario("no-totals")

    pages = list(client.product_instances(ACME))

    assert [(page.offset, len(page.items)) for page in pages] == [(0, 10), (10, 10)]


def test_starting_server_is_waited_for(account: Account, emulator: EmulatorThread, config: ServerConfig) -> None:
    on_prem = dataclasses.replace(
        config, kind="on_prem", api_base_url=emulator.origin + "/api/v1", token_url=emulator.origin + "/oauth/token"
    )
    emulator.scenario("slow-start")

    with CssmClient(on_prem) as client:
        assert [len(page.items) for page in client.product_instances(ACME)] == [10, 10]


def test_item_failure_inside_success_is_seen(client: CssmClient, account: Account, emulator: EmulatorThread) -> None:
    emulator.scenario("item-failures")

    results = client.transfer_licenses(ACME, "Pool", [LicenseTransfer("Any", "TERM", 2000, "DEFAULT")])

    assert results == [ItemResult("", False, "The item could not be processed.")]


def test_write_is_sent_once(client: CssmClient, account: Account, emulator: EmulatorThread) -> None:
    emulator.scenario("server-error")

    with pytest.raises(CssmUnavailable):
        client.create_virtual_account(ACME, "New")

    assert emulator.session.calls == 1


@pytest.mark.parametrize("place", ["headers", "body"])
def test_answer_that_drips_is_given_up(config: ServerConfig, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte comes long before a read gives up; together they would take for ever."""
    monkeypatch.setattr(transport, "ATTEMPTS", 1)
    begun = b"HTTP/1.1 200 OK\r\n" if place == "headers" else b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
    with dripping(begun + (b"X-Slow: " if place == "headers" else b"")) as origin:
        impatient = dataclasses.replace(config, token_url=origin, answer_seconds=0.3, read_seconds=10)

        with (
            CssmClient(impatient) as client,
            pytest.raises(CssmUnavailable, match="did not complete its response in time"),
        ):
            client.smart_accounts()


def test_handshake_that_drips_is_given_up(config: ServerConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python bounds a handshake as a whole, by the time that connecting may take: no watchdog has to."""
    monkeypatch.setattr(transport, "ATTEMPTS", 1)
    with dripping(bytes.fromhex("16 0303 3fff 02 003ffb")) as origin:  # of a ServerHello of 16 kB
        token_url = origin.replace("http://", "https://")
        impatient = dataclasses.replace(config, token_url=token_url, connect_seconds=0.3)
        began = time.monotonic()

        with CssmClient(impatient) as client, pytest.raises(CssmUnavailable, match="did not answer in time"):
            client.smart_accounts()

        assert time.monotonic() - began < 3


@contextmanager
def dripping(begun: bytes) -> Iterator[str]:
    """A server that answers so much at once, and the rest byte by byte."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                connection.sendall(begun)
                for _ in range(400):
                    connection.sendall(b"x")
                    time.sleep(0.05)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/token"
        thread.join(10)


@pytest.mark.parametrize("pem", ["not a certificate", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----"])
def test_unreadable_ca_certificate_is_refused(config: ServerConfig, pem: str) -> None:
    with pytest.raises(CssmRefused, match="The CA certificate of this server cannot be read"):
        CssmClient(dataclasses.replace(config, ca_pem=pem))


def test_connection_that_leads_elsewhere_than_its_name_is_cut(
    config: ServerConfig, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "check_address", lambda *_, **__: None)  # the name was fine a moment ago
    with CssmClient(dataclasses.replace(config, allowed_networks=())) as client, pytest.raises(CssmRefused) as refusal:
        client.smart_accounts()

    assert refusal.value.reason == "address_not_allowed"


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "::ffff:169.254.169.254", "fe80::1%eth0", "10.0.0.1"])
def test_peers_that_a_cloud_server_may_not_have(peer: str) -> None:
    with pytest.raises(CssmRefused):
        check_peer("host", peer, allowed_networks=(), allow_private=False)


def test_secrets_stay_out_of_logs_reprs_and_errors(
    client: CssmClient, account: Account, emulator: EmulatorThread, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    made = client.create_registration_token(ACME, "Pool", "For the test", 5)
    bearer = client.transport._token
    emulator.scenario("no-role")
    with pytest.raises(CssmError) as error:
        client.smart_accounts()

    told = caplog.text + repr(client.config) + repr(made) + repr(error.value) + error.value.next_step

    assert [secret for secret in (CLIENT_SECRET, bearer, made.text) if secret in told] == []


@pytest.mark.parametrize("value", [10**30, -5, "0001-01-01T00:00:00+02:00", "2026-13-45", {}, [], True, 1e300])
def test_impossible_dates_are_none_or_a_date(value: object) -> None:
    found = formats.moment(value)

    assert found is None or found == datetime(1970, 1, 1, 0, 0, 0, 1000, UTC)


@pytest.mark.parametrize("sudi", [None, "text", [], 5])
def test_instance_with_a_strange_sudi_keeps_its_name(sudi: object) -> None:
    assert formats.product_instance({"displayName": "Name; ", "sudi": sudi}).identity == "Name|"


def test_tls_is_verified_unless_switched_off(config: ServerConfig) -> None:
    context = trust_context(config.ca_pem)

    assert config.verify_tls
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert trust_context(config.ca_pem) is context  # made once
