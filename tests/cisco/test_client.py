"""The client against the emulator over HTTP: what it reads, what it tolerates, how it fails."""

import dataclasses
from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest

from licensing.cisco import formats, transport
from licensing.cisco.client import CssmClient
from licensing.cisco.emulator.server import EmulatorThread
from licensing.cisco.emulator.state import Account
from licensing.cisco.errors import CssmRefused, CssmUnavailable
from licensing.cisco.transport import ServerConfig
from licensing.cisco.types import AccountRef, InstanceUsage, LicenseLine, Substitution

NAME = "UC Manager Enhanced License (12.x)"
ACME = AccountRef("acme.example")


@pytest.fixture
def account(emulator: EmulatorThread) -> Account:
    account = emulator.state.add("acme.example", "Acme")
    emulator.state.add("globex.example", "Globex")
    account.add_pool("Pool")
    return account


def devices(client: CssmClient) -> list[str]:
    return [row.serial for page in client.product_instances(ACME) for row in page.items]


def test_lists_accounts_and_pools(client: CssmClient, account: Account) -> None:
    assert [(found.domain, found.roles) for found in client.smart_accounts()] == [
        ("acme.example", ("Smart Account User",)),
        ("globex.example", ("Smart Account User",)),
    ]
    [page] = client.virtual_accounts(ACME)
    assert [(pool.name, pool.is_default) for pool in page.items] == [("DEFAULT", True), ("Pool", False)]


def test_reads_a_license_with_lines_and_substitutions(client: CssmClient, account: Account) -> None:
    term = {"startDate": "2019-01-01", "endDate": "2027-01-01T00:00:00Z"}
    line = {"licenseType": "TERM", "quantity": 10, **term, "subscriptionId": None, "status": "ACTIVE"}
    names = {"licenseName": NAME, "substitutedLicense": "Higher"}
    loan = {**names, "substitutedQuantity": "2", "substitutionType": "BORROW"}
    account.set_license(
        "Pool",
        NAME,
        quantity="10",
        inUse=12,
        billingType="PREPAID",
        surprise=[1],
        licenseDetails=[line],
        licenseSubstitutions=[loan],
        available=-2,
        status="out-of compliance",
    )

    [page] = client.licenses(ACME)

    [found] = page.items
    assert (found.quantity, found.in_use, found.available, found.status) == (10, 12, -2, "out_of_compliance")
    assert found.lines == (LicenseLine("TERM", 10, date(2019, 1, 1), date(2027, 1, 1), "", "ACTIVE", "", ""),)
    assert found.substitutions == (Substitution(NAME, "Higher", 2, "BORROW"),)
    assert found.raw["surprise"] == [1]


def test_reads_instances_over_many_pages(client: CssmClient, account: Account) -> None:
    for number in range(25):
        account.add_device("Pool", f"{number:05d}", {NAME: number})

    pages = list(client.product_instances(ACME))

    assert [(len(page.items), page.offset, page.total) for page in pages] == [(10, 0, 25), (10, 10, 25), (5, 20, 25)]
    assert pages[0].items[3].usage == (InstanceUsage(NAME, 3),)
    assert pages[0].items[3].name == "UDI_PID:UCM; UDI_SN:00003"


@pytest.mark.parametrize("name", ["AT&T", "R/D", "First Last (flast)", "100 %", "ヴォイス", "a+b?c#d"])
def test_names_of_any_kind_reach_their_pool(client: CssmClient, account: Account, name: str) -> None:
    account.add_pool(name)
    made = client.create_registration_token(ACME, name, "for tests", 30)

    [page] = client.registration_tokens(ACME, name)

    assert [token.text for token in page.items] == [made.text]
    assert made.text not in repr(made)


def test_created_token_can_be_revoked(client: CssmClient, account: Account) -> None:
    made = client.create_registration_token(ACME, "Pool", "for tests", 30)

    client.revoke_registration_token(ACME, "Pool", made.text)

    assert account.tokens["Pool"] == []
    with pytest.raises(CssmRefused, match="The token was not revoked: Unknown token"):
        client.revoke_registration_token(ACME, "Pool", made.text)


def test_on_prem_speaks_its_own_dialect(emulator: EmulatorThread, account: Account, config: ServerConfig) -> None:
    account.add_device("Pool", "00001", {NAME: 1})
    on_prem = dataclasses.replace(
        config,
        kind="on_prem",
        api_base_url=emulator.origin + "/backend/api/v1",
        token_url=emulator.origin + "/backend/oauth/token",
    )
    with CssmClient(on_prem) as client:
        ref = AccountRef("Acme")
        emulator.session.tokens.clear()

        assert [found.name for found in client.smart_accounts()] == ["Acme", "Globex"]
        client.transport._token = "old"
        assert [len(page.items) for page in client.product_instances(ref)] == [1]


@pytest.mark.parametrize("scenario", ["flaky", "expiring-tokens", "too-many-with-hint", "no-totals"])
def test_passing_trouble_is_ridden_out(
    client: CssmClient, account: Account, emulator: EmulatorThread, scenario: str
) -> None:
    for number in range(25):
        account.add_device("Pool", f"{number:05d}", {})
    emulator.scenario(scenario)

    assert len(devices(client)) == 25


@pytest.mark.parametrize(
    ("scenario", "message"),
    [
        ("server-error", "answered 502: Bad Gateway."),
        ("truncated", "broke off its response."),
        ("reset", "broke off its response."),
        ("second-page-fails", "answered 502: Bad Gateway."),
        ("shuffled-pages", "The listing of devices changed while it was being read."),
        ("growing-listing", "The listing of devices changed while it was being read."),
        ("shrinking-listing", "The listing of devices changed while it was being read."),
    ],
)
def test_lasting_trouble_is_unavailable(
    client: CssmClient, account: Account, emulator: EmulatorThread, scenario: str, message: str, quick: None
) -> None:
    for number in range(25):
        account.add_device("Pool", f"{number:05d}", {})
    emulator.scenario(scenario)

    with pytest.raises(CssmUnavailable) as failure:
        devices(client)

    assert failure.value.message.endswith(message)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two attempts instead of four."""
    monkeypatch.setattr(transport, "ATTEMPTS", 2)


@pytest.mark.parametrize(
    ("scenario", "reason"),
    [("no-api-access", "no_api_access"), ("no-role", "no_role"), ("business-error", "rejected")],
)
def test_refusals_name_their_reason(
    client: CssmClient, account: Account, emulator: EmulatorThread, scenario: str, reason: str
) -> None:
    emulator.scenario(scenario)

    with pytest.raises(CssmRefused) as refusal:
        devices(client)

    assert refusal.value.reason == reason


def test_wrong_secret_is_refused_with_what_to_do(config: ServerConfig, account: Account) -> None:
    wrong = dataclasses.replace(config, client_secret="unmistakable")
    with CssmClient(wrong) as client, pytest.raises(CssmRefused) as refusal:
        client.smart_accounts()

    assert (refusal.value.reason, refusal.value.message) == (
        "invalid_client",
        "Cisco's side refused the client ID or secret.",
    )
    assert "30 minutes" in refusal.value.next_step
    assert "unmistakable" not in repr(client.config)


def test_unknown_domain_is_refused(client: CssmClient, account: Account) -> None:
    with pytest.raises(CssmRefused) as refusal:
        list(client.virtual_accounts(AccountRef("nobody.example")))

    assert refusal.value.reason == "unknown_account"


def test_nobody_listening_is_unavailable(config: ServerConfig, quick: None) -> None:
    gone = dataclasses.replace(config, api_base_url="http://127.0.0.1:1/x", token_url="http://127.0.0.1:1/t")
    with (
        CssmClient(gone) as client,
        pytest.raises(CssmUnavailable, match=r"127\.0\.0\.1:1 cannot be reached: no connection"),
    ):
        client.smart_accounts()


def test_circuit_opens_after_failures_and_closes_by_time() -> None:
    now = [0.0]
    circuit = transport._Circuit(clock=lambda: now[0])
    for _ in range(transport.CIRCUIT_FAILURES):
        circuit.check("host")
        circuit.record(ok=False, why="host broke off its response.")

    with pytest.raises(CssmUnavailable) as failure:
        circuit.check("host")

    assert failure.value.message == (
        "host failed 5 times running; the next try is in 60 s. The last failure: host broke off its response."
    )
    now[0] = transport.CIRCUIT_SECONDS
    circuit.check("host")


def test_answers_are_bounded(config: ServerConfig, account: Account, quick: None) -> None:
    account.add_device("Pool", "1", {"x" * 5000: 1})
    small = dataclasses.replace(config, max_answer_bytes=3000)
    with CssmClient(small) as client, pytest.raises(CssmUnavailable, match="exceeds the size limit"):
        devices(client)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2019-01-01", datetime(2019, 1, 1, tzinfo=UTC)),
        ("2022-07-11T14:33:41Z", datetime(2022, 7, 11, 14, 33, 41, tzinfo=UTC)),
        ("2022-07-11T14:33:41+02:00", datetime(2022, 7, 11, 12, 33, 41, tzinfo=UTC)),
        ("2026-Jan-01", datetime(2026, 1, 1, tzinfo=UTC)),
        (1657550021000, datetime(2022, 7, 11, 14, 33, 41, tzinfo=UTC)),
        (None, None),
        ("", None),
        ("soon", None),
    ],
)
def test_every_date_form_of_cisco(text: object, moment: datetime | None) -> None:
    assert formats.moment(text) == moment


@pytest.mark.parametrize(
    ("word", "value"), [("true", True), ("yes", True), ("Y", True), (True, True), ("false", False), (None, False)]
)
def test_booleans_in_any_spelling(word: object, value: bool) -> None:
    assert formats.flag(word) is value


@pytest.mark.parametrize(
    ("value", "number"), [("12", 12), (12, 12), ("1,200", 1200), (None, 0), ("many", 0), ("3.0", 3)]
)
def test_numbers_in_any_spelling(value: object, number: int) -> None:
    assert formats.number(value) == number


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (formats.MOST, formats.MOST),
        (10**400, formats.MOST),
        ("-1e30", -formats.MOST),
        (float("inf"), formats.MOST),
        (float("nan"), 0),
        ("NaN", 0),
        ([], 0),
        ({}, 0),
        ("many", 0),
        ("", 0),
        (None, 0),
        (True, 1),
        (" 1,200.0 ", 1200),
    ],
)
def test_counts_are_bounded_and_the_odd_ones_are_told(value: object, number: int) -> None:
    with formats.collect_invalid_counts() as noted:
        assert formats.count(value) == number

    odd = value not in (formats.MOST, "", None, True, " 1,200.0 ")
    assert [words.rpartition(" as ")[2] for words in noted] == ([f"{number:,}"] if odd else [])


def test_what_cisco_lists_twice_is_bounded_too() -> None:
    usage = [{"license": "L", "quantity": formats.MOST}] * 3

    assert formats.product_instance({"licenseUsage": usage}).usage[0].quantity == formats.MOST


@pytest.mark.parametrize("nothing", [None, [], "none", {}])
def test_null_lists_are_empty(nothing: object) -> None:
    assert formats.rows(nothing) == []


@pytest.fixture
def make_check() -> Callable[..., None]:
    from licensing.cisco.addresses import check_address

    return check_address


LOOPBACK = ("https://127.0.0.1/", "https://localhost/", "https://[::1]/", "https://0.0.0.0/", "https://[::]/")
SPELLINGS_OF_LOOPBACK = ("https://2130706433/", "https://0x7f.1/", "https://127.1/", "https://017700000001/")
LOOPBACK_IN_IPV6 = (
    "https://[::ffff:127.0.0.1]/",
    "https://[::127.0.0.1]/",
    "https://[2002:7f00:1::]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b:1::7f00:1]/",
)
LINK_LOCAL = ("https://169.254.169.254/latest", "https://[fe80::1]/", "https://[fec0::1]/", "https://224.0.0.1/")
METADATA = (
    "https://168.63.129.16/",
    "https://[::ffff:168.63.129.16]/",
    "https://100.100.100.200/",
    "https://192.0.0.192/",
)
METADATA_IN_IPV6 = ("https://[fd00:ec2::254]/", "https://[fd20:ce::254]/")
UNFIT_URLS = (
    "http://10.1.2.3/",
    "https://user:pass@10.0.0.1/",
    "ftp://10.0.0.1/",
    "https:///path",
    "https://10.0.0.1:99999/",
    "https://[::1/",
)


@pytest.mark.parametrize(
    "url",
    [*LOOPBACK, *SPELLINGS_OF_LOOPBACK, *LOOPBACK_IN_IPV6, *LINK_LOCAL, *METADATA, *METADATA_IN_IPV6, *UNFIT_URLS],
)
def test_addresses_that_are_refused(make_check: Callable[..., None], url: str) -> None:
    with pytest.raises(CssmRefused) as refusal:
        make_check(url)
    assert refusal.value.reason == "address_not_allowed"


def test_addresses_that_are_allowed(make_check: Callable[..., None]) -> None:
    make_check("https://10.1.2.3:8443/api/v1")
    make_check("http://127.0.0.1:9/", allow_http=True, allowed_networks=("127.0.0.0/8",))
    with pytest.raises(CssmRefused):
        make_check("https://10.1.2.3/", allow_private=False)
