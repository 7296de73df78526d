"""The client is tolerant in some places and strict in others (docs/cisco-api.md#client-rules)."""

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from aiohttp import web

from licensing.cisco import transport
from licensing.cisco.client import CssmClient
from licensing.cisco.emulator.scenarios import SCENARIOS, Handler
from licensing.cisco.emulator.server import EmulatorThread
from licensing.cisco.emulator.state import Account
from licensing.cisco.errors import CssmRefused, CssmUnavailable
from licensing.cisco.formats import compliance
from licensing.cisco.transport import ServerConfig
from licensing.cisco.types import AccountRef, Entitlement, LicenseTransfer, Reservable

ACME = AccountRef("acme.example")
NAME = "UC Manager Enhanced License (12.x)"


@pytest.fixture
def account(emulator: EmulatorThread) -> Account:
    account = emulator.state.add("acme.example", "Acme")
    emulator.state.add("globex.example", "Globex").set_license("DEFAULT", NAME, quantity=1)
    account.set_license("DEFAULT", NAME, quantity=5, inUse=2, reserved=1)
    for number in range(25):
        account.add_device("DEFAULT", f"{number:05d}", {NAME: 1})
    return account


class Script:
    """A bad day made for one test: answers in turn, each sent instead of the emulator's own; then the emulator's."""

    def __init__(self, *answers: web.Response) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, str, bytes, dict[str, str]]] = []

    async def __call__(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        asked = (request.method, request.rel_url.raw_path_qs, await request.read(), dict(request.headers))
        self.asked.append(asked)
        return self.answers.pop(0) if self.answers else await handler(request)

    def begin(self, emulator: EmulatorThread, monkeypatch: pytest.MonkeyPatch) -> "Script":
        monkeypatch.setitem(SCENARIOS, "script", self)
        emulator.scenario("script")
        return self


@pytest.fixture
def script(emulator: EmulatorThread, account: Account, monkeypatch: pytest.MonkeyPatch) -> Any:
    return lambda *answers: Script(*answers).begin(emulator, monkeypatch)


def answer(status: int = 200, headers: dict[str, str] | None = None, **members: Any) -> web.Response:
    return web.json_response(members, status=status, headers=headers)


def html(status: int, words: str = "<h1>A gateway</h1>", **headers: str) -> web.Response:
    return web.Response(status=status, text=words, content_type="text/html", headers=headers)


# 1. Base URL, token URL, token body, account segment and account type are configuration.


def test_line_1_addresses_are_configuration(emulator: EmulatorThread, config: ServerConfig, script: Any) -> None:
    asked = script().asked
    odd = emulator.origin + "//services/api/services/api/smart-accounts-and-licensing/"
    doubled = dataclasses.replace(config, api_base_url=odd, token_url=emulator.origin + "/as/token.oauth2")
    with CssmClient(doubled) as client:
        list(client.virtual_accounts(AccountRef("acme.example", "HOLDING")))

    assert asked[0][1].endswith("/smart-accounts-and-licensing/v1/accounts/acme.example/holding/virtual-accounts")


@pytest.mark.parametrize("base", ["/api/v1", "/backend/api/v1"])
@pytest.mark.parametrize("token", ["/backend/oauth/token", "/oauth/token"])
def test_line_1_on_prem_addresses(
    emulator: EmulatorThread, config: ServerConfig, script: Any, base: str, token: str
) -> None:
    asked = script().asked
    emulator.state.add("world.example", "WORLD WIDE, INC")
    on_prem = dataclasses.replace(
        config, kind="on_prem", api_base_url=emulator.origin + base, token_url=emulator.origin + token
    )
    with CssmClient(on_prem) as client:
        [page] = client.virtual_accounts(AccountRef("WORLD WIDE, INC"))

    assert [pool.name for pool in page.items] == ["DEFAULT"]
    assert asked[0][1] == f"{base}/accounts/WORLD%20WIDE%2C%20INC/virtual-accounts"


# 2. Success is 2xx and a good word, or none; the words of a refusal come from the first member that has some.


@pytest.mark.parametrize("word", [None, "SUCCESS", "success", "WARNING", "COMPLETE", "OK", "OK_POLL"])
def test_line_2_good_words(client: CssmClient, script: Any, word: str | None) -> None:
    script(web.json_response({"accounts": [], "status": word}))

    assert client.smart_accounts() == []


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"status": "ERROR", "statusMessage": "First.", "message": "second"}, "First"),
        ({"status": "FAILED", "message": "second", "error": "fourth"}, "second"),
        ({"status": "ERROR", "error_description": "third", "error": "fourth"}, "third"),
        ({"status": "ERROR", "error": "fourth"}, "fourth"),
    ],
)
def test_line_2_words_of_a_refusal(client: CssmClient, script: Any, members: dict[str, str], words: str) -> None:
    script(web.json_response(members))

    with pytest.raises(CssmRefused) as refusal:
        client.smart_accounts()

    assert refusal.value.message.endswith(f"refused the call: {words}.")


@pytest.mark.parametrize("status", [400, 404, 422])
def test_line_2_html_of_a_gateway_shows_its_reason_and_no_markup(client: CssmClient, script: Any, status: int) -> None:
    script(html(status))

    with pytest.raises(CssmRefused) as refusal:
        client.smart_accounts()

    assert "<" not in refusal.value.message
    assert refusal.value.message.rstrip(".").endswith(("Bad Request", "Not Found", "Unprocessable Content"))


# 3. Missing list: empty. Unknown members: kept. Numbers and booleans in other spellings.


@pytest.mark.parametrize("members", [{}, {"licenses": None}, {"licenses": []}])
def test_line_3_missing_and_null_lists_are_empty(client: CssmClient, script: Any, members: dict[str, Any]) -> None:
    script(web.json_response({"status": "SUCCESS", "totalRecords": 0, **members}))

    assert [row for page in client.licenses(ACME) for row in page.items] == []


def test_line_3_null_list_that_should_have_rows_is_no_empty_listing(client: CssmClient, script: Any) -> None:
    unwell = {"status": "SUCCESS", "totalRecords": 25, "devices": None}
    script(*(web.json_response(unwell) for _ in range(9)))

    with pytest.raises(CssmUnavailable):
        list(client.product_instances(ACME))


def test_line_3_numbers_as_text_and_unknown_members(client: CssmClient, script: Any) -> None:
    row = {
        "license": NAME,
        "virtualAccount": "DEFAULT",
        "quantity": "1,200",
        "inUse": "3.0",
        "available": -5,
        "status": "In Compliance",
        "surprise": {"kept": True},
    }
    script(web.json_response({"status": "SUCCESS", "totalRecords": "1", "licenses": [row]}))

    [page] = client.licenses(ACME)

    [found] = page.items
    assert (found.quantity, found.in_use, found.available) == (1200, 3, -5)
    assert found.raw["surprise"] == {"kept": True}


@pytest.mark.parametrize("word", ["true", "yes", "Y", True])
def test_line_3_booleans_in_any_spelling(client: CssmClient, script: Any, word: object) -> None:
    script(web.json_response({"status": "SUCCESS", "virtualAccounts": [{"name": "Main", "isDefault": word}]}))

    [page] = client.virtual_accounts(ACME)

    assert page.items[0].is_default


@pytest.mark.parametrize("member", ["license", "licenseName"])
def test_line_3_two_spellings_of_one_member(client: CssmClient, account: Account, member: str) -> None:
    lent = {member: NAME, "substitutedLicense": "Higher", "substitutedQuantity": 2, "substitutionType": "X"}
    account.set_license("DEFAULT", NAME, licenseSubstitutions=[lent])

    [page] = client.licenses(ACME)

    assert page.items[0].substitutions[0].license == NAME


def test_line_3_two_spellings_of_a_display_name(client: CssmClient, account: Account) -> None:
    usage = {row.serial: row.name for page in client.product_instances(ACME) for row in page.items}
    search = {row.serial: row.name for row in client.search_product_instances(ACME, "DEFAULT")}

    assert usage == search


# 4. Compliance words ignore case, blanks, underscores and hyphens.


@pytest.mark.parametrize("word", ["In Compliance", "IN_COMPLIANCE", "InCompliance", "in-compliance"])
def test_line_4_in_compliance(word: str) -> None:
    assert compliance(word) == "in_compliance"


@pytest.mark.parametrize("word", ["Out Of Compliance", "Out-of-compliance", "OUT_OF_COMPLIANCE", "OutOfCompliance"])
def test_line_4_out_of_compliance(word: str) -> None:
    assert compliance(word) == "out_of_compliance"


@pytest.mark.parametrize("word", ["", None, "Waiting", 7])
def test_line_4_other_words_are_unknown(word: object) -> None:
    assert compliance(word) == "unknown"


# 5. License names: tests/allocation/test_allocation_names.py compares them; here: they are sent as they were listed.


def test_line_5_names_are_sent_as_listed(client: CssmClient, account: Account, script: Any) -> None:
    account.add_pool("Other")
    account.set_license("DEFAULT", "Two  Blanks (12.x)", quantity=3)
    asked = script().asked

    client.transfer_licenses(ACME, "DEFAULT", [LicenseTransfer("Two  Blanks (12.x)", "TERM", 1, "Other")])

    assert json.loads(asked[-1][2])["licenses"][0]["license"] == "Two  Blanks (12.x)"


# 6. Reading is repeated with back-off; Retry-After is honoured in both of its forms; writing is never repeated.


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_line_6_reading_is_repeated(client: CssmClient, script: Any, status: int) -> None:
    asked = script(html(status)).asked

    assert len(client.smart_accounts()) == 2
    assert len(asked) == 2


def test_line_6_retry_after_as_seconds_and_as_a_moment() -> None:
    def hint(value: str) -> float | None:
        return transport._retry_after({"retry-after": value})

    in_20_seconds = hint(format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True))

    assert hint("7") == 7
    assert in_20_seconds is not None
    assert 15 < in_20_seconds <= 20
    assert hint("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert [hint(value) for value in ("", "soon", "-5", "1e9", "²")] == [None] * 5


def test_line_6_hint_is_waited_for(client: CssmClient, script: Any) -> None:
    began = datetime.now(UTC)
    script(html(429, **{"Retry-After": "1"}))

    client.smart_accounts()

    assert datetime.now(UTC) - began >= timedelta(seconds=1)


@pytest.mark.parametrize("status", [429, 503])
def test_line_6_writing_is_not_repeated(client: CssmClient, script: Any, status: int) -> None:
    asked = script(html(status)).asked

    with pytest.raises(CssmUnavailable):
        client.create_registration_token(ACME, "DEFAULT", "once", 1)

    assert len(asked) == 1


# 7. One re-authentication per request, on 401, and On-Prem on 403 too.


def test_line_7_one_new_token_on_401(client: CssmClient, script: Any, emulator: EmulatorThread) -> None:
    client.smart_accounts()
    asked = script(answer(401, error="invalid_token")).asked

    assert len(client.smart_accounts()) == 2
    assert asked[0][3]["Authorization"] != asked[1][3]["Authorization"]


def test_line_7_a_second_401_is_a_refusal(client: CssmClient, script: Any) -> None:
    asked = script(*(answer(401, error="invalid_token") for _ in range(5))).asked

    with pytest.raises(CssmRefused) as refusal:
        client.smart_accounts()

    assert (refusal.value.reason, len(asked)) == ("invalid_client", 2)


def test_line_7_a_403_in_the_cloud_asks_for_no_new_token(client: CssmClient, script: Any) -> None:
    asked = script(*(answer(403, message="Invalid Client") for _ in range(5))).asked

    with pytest.raises(CssmRefused) as refusal:
        client.smart_accounts()

    assert (refusal.value.reason, len(asked)) == ("no_api_access", 1)
    assert "developer portal" in refusal.value.next_step


# 8. Secrets: tests/cisco/test_faults.py, test_secrets_stay_out_of_logs_reprs_and_errors.
# 9. Transfers above 998 units: tests/cisco/test_writes.py.


# What else stands in the way of a whole, true answer.


def test_redirect_is_not_followed(client: CssmClient, account: Account, emulator: EmulatorThread) -> None:
    emulator.scenario("redirect")

    with pytest.raises(CssmRefused, match="redirects to another address, which the portal does not follow"):
        client.smart_accounts()

    assert emulator.session.calls == 1


def test_slow_answers_are_waited_for_up_to_the_limit(
    config: ServerConfig, account: Account, emulator: EmulatorThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "ATTEMPTS", 1)
    emulator.scenario("latency")
    with CssmClient(config) as patient:
        assert len(patient.smart_accounts()) == 2

    with (
        CssmClient(dataclasses.replace(config, read_seconds=0.1)) as impatient,
        pytest.raises(CssmUnavailable, match="did not answer in time"),
    ):
        impatient.smart_accounts()


def test_429_without_a_hint_is_ridden_out(client: CssmClient, account: Account, emulator: EmulatorThread) -> None:
    emulator.scenario("too-many")

    assert sum(len(page.items) for page in client.product_instances(ACME)) == 25


@pytest.mark.parametrize("words", ["", "null", "[]", '"text"', "<html></html>", "[" * 100_000, '{"status": '])
def test_good_status_with_a_strange_body_is_no_answer(
    client: CssmClient, script: Any, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "ATTEMPTS", 1)
    script(html(200, words))

    if words:
        with pytest.raises(CssmUnavailable, match="incomplete or not JSON"):
            client.smart_accounts()
    else:
        assert client.smart_accounts() == []  # success without a body 201 or 204 (docs/cisco-api.md#empty-success)


def test_calls_of_one_server_run_at_most_so_many_at_once(config: ServerConfig, account: Account) -> None:
    few = dataclasses.replace(config, max_parallel=2)
    with CssmClient(few) as one, CssmClient(few) as other:
        assert one.transport.circuit is other.transport.circuit
        places = one.transport.places
        assert places is other.transport.places
        assert [places.acquire(blocking=False) for _ in range(3)] == [True, True, False]


# Family B and reservations.


def test_entitlements_tie_tags_to_names_and_counts(client: CssmClient, account: Account) -> None:
    assert client.entitlements(ACME, "DEFAULT") == [
        Entitlement("regid.2026-01.example.UC_Manager_Enhanced_License_12_x,1.0", NAME, 5, 3, 1, "in_compliance", False)
    ]
    assert client.entitlements(ACME, "Nowhere") is None
    assert client.entitlements(AccountRef("nobody.example"), "DEFAULT") is None


def test_entitlements_in_the_other_versions_words(client: CssmClient, script: Any) -> None:
    row = {
        "tag": "t",
        "display_name": "n",
        "entitled": "4",
        "inuse": 2,
        "reserved": 1,
        "compliance_status": "Out-of-compliance",
        "export_restricted": "Y",
    }
    ids = {
        "status": "COMPLETE",
        "accounts": [
            {
                "account_id": "1",
                "domain": "ACME.example",
                "virtual_accounts": [{"virtual_account_id": "9007199254740993", "name": "DEFAULT"}],
            }
        ],
    }
    asked = script(web.json_response(ids), web.json_response({"status": "SUCCESS", "summary": [row]})).asked

    assert client.entitlements(ACME, "DEFAULT") == [Entitlement("t", "n", 4, 2, 1, "out_of_compliance", True)]
    assert asked[1][3]["X-CSW-VIRTUAL-ACCOUNT-ID"] == "9007199254740993"


@pytest.mark.parametrize("members", [{"message_code": "NO DATA FOUND", "message": "Nothing."}, {"accounts": None}])
def test_no_entitlements_where_no_account_is_visible(client: CssmClient, script: Any, members: dict[str, Any]) -> None:
    script(web.json_response({"status": "COMPLETE", **members}))

    assert client.entitlements(ACME, "DEFAULT") is None


def test_entitlements_are_not_offered_on_prem(config: ServerConfig, emulator: EmulatorThread, account: Account) -> None:
    on_prem = dataclasses.replace(config, kind="on_prem", api_base_url=emulator.origin + "/api/v1")
    with CssmClient(on_prem) as client:
        assert client.entitlements(AccountRef("Acme"), "DEFAULT") is None


def test_what_a_product_may_reserve(client: CssmClient, script: Any) -> None:
    assert client.reservable(["tag"]) == [Reservable("tag", (("SPECIFIC", "tag.reservation"),))]

    script(html(404))
    assert client.reservable(["tag"]) is None
