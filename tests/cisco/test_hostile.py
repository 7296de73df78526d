"""Answers that lie about their length, echo secrets or hold what no database takes, and servers that mislead."""

import dataclasses
from collections.abc import Iterator
from time import monotonic
from typing import Any

import pytest
from aiohttp import web

from licensing.cisco import listings, transport
from licensing.cisco.client import CssmClient
from licensing.cisco.emulator.server import CLIENT_SECRET, EmulatorThread
from licensing.cisco.emulator.state import Account
from licensing.cisco.errors import CssmBusy, CssmError, CssmRefused, CssmUnavailable
from licensing.cisco.listings import parse_row
from licensing.cisco.transport import ServerConfig
from licensing.cisco.types import AccountRef, ItemResult, LicenseTransfer
from tests.cisco.test_tolerance import Script, answer, html

ACME = AccountRef("acme.example")


@pytest.fixture
def account(emulator: EmulatorThread) -> Account:
    return emulator.state.add("acme.example", "Acme")


@pytest.fixture
def script(emulator: EmulatorThread, account: Account, monkeypatch: pytest.MonkeyPatch) -> Any:
    return lambda *answers: Script(*answers).begin(emulator, monkeypatch)


@pytest.fixture
def on_prem(emulator: EmulatorThread, config: ServerConfig) -> Iterator[CssmClient]:
    addresses = {"api_base_url": emulator.origin + "/api/v1", "token_url": emulator.origin + "/backend/oauth/token"}
    with CssmClient(dataclasses.replace(config, kind="on_prem", **addresses)) as client:
        yield client


def refusal(client: CssmClient) -> CssmError:
    with pytest.raises(CssmError) as error:
        client.smart_accounts()
    return error.value


@pytest.mark.parametrize("status", [200, 400, 403, 404])
def test_secrets_that_a_server_echoes_are_removed(client: CssmClient, script: Any, status: int) -> None:
    client.smart_accounts()
    bearer = client.transport._token
    words = f"Token {bearer} of {CLIENT_SECRET} is bad."
    script(web.json_response({"status": "ERROR", "statusMessage": words}, status=status))

    message = refusal(client).message

    assert message.endswith(": Token [secret] of [secret] is bad.")


def test_token_that_a_server_echoes_is_removed(client: CssmClient, script: Any) -> None:
    echo = {"status": "FAILURE", "statusMessage": "No token abc\0def"}
    script(web.json_response({"status": "SUCCESS", "tokensRevokeStatus": [echo]}))

    with pytest.raises(CssmRefused) as found:
        client.revoke_registration_token(ACME, "DEFAULT", "abc\0def")

    assert found.value.message == "The token was not revoked: No token [token]."


def test_reason_of_an_item_holds_what_the_database_takes(client: CssmClient, script: Any) -> None:
    item = {"license": "L\0", "status": "FAILURE", "statusMessage": "a\0b\ud800"}
    script(web.json_response({"status": "SUCCESS", "licenses": [item]}))

    found = client.transfer_licenses(ACME, "DEFAULT", [LicenseTransfer("L", "TERM", 1, "Other")])

    assert found == [ItemResult("L", False, "ab?")]


def test_words_are_short_and_in_one_line(client: CssmClient, script: Any) -> None:
    script(answer(400, statusMessage="a\0b\r\nc \u202ed\ud800 " + "x" * 100_000))

    message = refusal(client).message

    assert "refused the call with 400: a b c d xxx" in message
    assert len(message) < 400


def test_body_in_plain_words_is_the_reason(client: CssmClient, script: Any) -> None:
    script(web.Response(status=403, text="The account is locked.\n"))

    assert refusal(client).message.endswith("refused access: The account is locked.")


def test_over_rate_with_403_is_over_quota_and_not_a_refusal(client: CssmClient, script: Any) -> None:
    asked = script(html(403, "<h1>Developer Over Rate</h1>")).asked

    assert [found.domain for found in client.smart_accounts()] == ["acme.example"]
    assert len(asked) == 2


def test_server_over_quota_is_not_taken_for_a_dead_one(
    client: CssmClient, script: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "ATTEMPTS", 1)
    script(*(html(429) for _ in range(transport.CIRCUIT_FAILURES)))

    assert [type(refusal(client)) for _ in range(transport.CIRCUIT_FAILURES)] == [CssmBusy] * 5
    assert len(client.smart_accounts()) == 1


def test_on_prem_refusals_name_the_on_prem_next_step(on_prem: CssmClient, script: Any) -> None:
    script(*(answer(403, message="Forbidden") for _ in range(2)))

    found = refusal(on_prem)

    assert found.next_step == transport.ON_PREM_NO_API
    assert "API tool kit" in found.next_step


def test_wrong_on_prem_secret_names_the_api_tool_kit(on_prem: CssmClient, account: Account) -> None:
    wrong = dataclasses.replace(on_prem.config, client_secret="wrong")
    with CssmClient(wrong) as client:
        assert refusal(client).next_step == transport.ON_PREM_CLIENT


def test_wrong_token_url_is_told_from_an_unknown_account(config: ServerConfig, account: Account) -> None:
    wrong = dataclasses.replace(config, token_url=config.token_url + "/nowhere")
    with CssmClient(wrong) as client, pytest.raises(CssmRefused) as found:
        client.alerts(ACME)

    assert found.value.message.endswith("does not issue tokens at this address (404).")
    assert found.value.next_step == transport.WRONG_TOKEN_URL


@pytest.mark.parametrize("token", [None, "", 5, [], {}, "tök", "a b", "a\r\nX: y"])
def test_token_that_is_none_stays_out_of_the_headers(
    client: CssmClient, account: Account, monkeypatch: pytest.MonkeyPatch, token: object
) -> None:
    monkeypatch.setattr(transport, "ATTEMPTS", 1)
    monkeypatch.setattr(client.transport, "_read_answer", lambda *_: {"access_token": token})

    with pytest.raises(CssmUnavailable, match="answered without a token"):
        client.transport._fetch_token()


@pytest.mark.parametrize("lifetime", [None, 0, -7, "soon", 10**400, float("inf")])
def test_any_lifetime_of_a_token_is_borne(
    client: CssmClient, account: Account, monkeypatch: pytest.MonkeyPatch, lifetime: object
) -> None:
    monkeypatch.setattr(client.transport, "_read_answer", lambda *_: {"access_token": "good", "expires_in": lifetime})

    began = monotonic()
    client.transport._fetch_token()

    assert began < client.transport._renew_at < monotonic() + transport.MOST_SECONDS


def test_wrong_settings_of_one_do_not_stop_others_at_the_same_server(
    config: ServerConfig, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "ATTEMPTS", 1)
    wrong = dataclasses.replace(config, token_url="http://127.0.0.1:1/token")
    with CssmClient(wrong) as client:
        for _ in range(transport.CIRCUIT_FAILURES):
            refusal(client)
        assert "times running" in refusal(client).message

    with CssmClient(config) as client:
        assert len(client.smart_accounts()) == 1


def test_what_a_server_says_to_one_is_not_told_to_others(
    config: ServerConfig, script: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "ATTEMPTS", 1)
    script(*(answer(500, message="Account acme.example is locked") for _ in range(transport.CIRCUIT_FAILURES)))
    with CssmClient(config) as client:
        own = [refusal(client).message for _ in range(transport.CIRCUIT_FAILURES)]

    with CssmClient(config) as other:
        told = refusal(other).message

    assert all("Account acme.example is locked" in message for message in own)
    assert told.endswith(f"The last failure: {other.transport.host} answered 500.")


def test_name_too_long_for_an_address_is_refused_in_few_words(client: CssmClient, account: Account) -> None:
    with pytest.raises(CssmRefused) as found:
        list(client.registration_tokens(ACME, "x" * 100_000))

    assert len(found.value.message) < 400


def test_row_with_a_number_of_thousands_of_digits_is_unavailable() -> None:
    with pytest.raises(CssmUnavailable, match="a row that cannot be read"):
        parse_row(b'{"quantity": %s}' % (b"9" * 5000))


# Listings that would have no end, or an end too early.


def serials(client: CssmClient, parallel: int = 1) -> list[str]:
    listing = client.listing_of_product_instances(ACME)
    pages = listings.pages(client.transport, listing, 10, parallel)
    return [parse_row(row)["sudi"]["udiSerialNumber"] for page in pages for row in page.items]


def devices(account: Account, number: int) -> list[dict[str, Any]]:
    return [account.add_device("DEFAULT", f"{place:05d}", {}) for place in range(number)]


def listing(rows: list[dict[str, Any]], **members: Any) -> web.Response:
    return web.json_response({"status": "SUCCESS", "devices": rows, **members})


@pytest.mark.parametrize("parallel", [1, 4])
def test_same_page_again_and_again_is_no_listing(
    client: CssmClient, account: Account, script: Any, parallel: int
) -> None:
    rows = devices(account, 10)
    script(*(listing(rows, totalRecords=10**12) for _ in range(9)))

    with pytest.raises(CssmUnavailable, match="The listing of devices has the same page twice") as found:
        serials(client, parallel)

    assert "offset" in found.value.next_step


def test_server_without_totals_may_hold_fewer_rows_in_a_page(client: CssmClient, account: Account, script: Any) -> None:
    rows = devices(account, 17)
    script(listing(rows[:7]), listing(rows[7:14]), listing(rows[14:]), listing([]))

    assert len(serials(client)) == 17


@pytest.mark.parametrize("number", [3, 25])
def test_server_that_knows_neither_totals_nor_pages_is_read_once(
    client: CssmClient, account: Account, script: Any, number: int
) -> None:
    rows = devices(account, number)
    script(listing(rows), listing(rows))

    assert len(serials(client)) == number


@pytest.mark.parametrize("total", [-7, "", "many", [], float("nan"), float("inf")])
def test_total_that_is_no_number_of_rows_is_none(
    client: CssmClient, account: Account, script: Any, total: object
) -> None:
    rows = devices(account, 3)
    script(*(listing(rows, totalRecords=total) for _ in range(2)))

    assert len(serials(client, 4)) == 3
