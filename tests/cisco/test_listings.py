"""Pages under way at once: the whole listing in its order, or an error and no end."""

import threading
from collections.abc import Iterator

import pytest

from licensing.cisco import listings
from licensing.cisco.client import CssmClient
from licensing.cisco.emulator.server import CLIENT_ID, CLIENT_SECRET, EmulatorThread
from licensing.cisco.emulator.state import Account
from licensing.cisco.errors import CssmUnavailable
from licensing.cisco.listings import Shifted, run_ahead
from licensing.cisco.transport import ServerConfig
from licensing.cisco.types import AccountRef

ACME = AccountRef("acme.example")


@pytest.fixture(autouse=True)
def nothing_comes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The emulator answers within milliseconds: so that calls are made at the same time as with a slow server."""
    monkeypatch.setattr(listings, "AT_ONCE_SECONDS", 0.0)


@pytest.fixture
def account(emulator: EmulatorThread) -> Account:
    account = emulator.state.add("acme.example", "Acme")
    for number in range(95):
        account.add_device("DEFAULT", f"{number:05d}", {})
    return account


@pytest.fixture
def client(emulator: EmulatorThread) -> Iterator[CssmClient]:
    config = ServerConfig(
        "cloud",
        emulator.base_url,
        emulator.token_url,
        CLIENT_ID,
        CLIENT_SECRET,
        allow_http=True,
        allowed_networks=("127.0.0.0/8",),
        page_size=10,
        read_seconds=5,
    )
    with CssmClient(config) as client:
        yield client


def serials(client: CssmClient, parallel: int, page_size: int = 10) -> list[str]:
    listing = client.listing_of_product_instances(ACME)
    pages = listings.pages(client.transport, listing, page_size, parallel)
    return [listings.parse_row(row)["sudi"]["udiSerialNumber"] for page in pages for row in page.items]


@pytest.mark.parametrize("parallel", [1, 4])
def test_pages_come_in_their_order(client: CssmClient, account: Account, parallel: int) -> None:
    assert serials(client, parallel) == [f"{number:05d}" for number in range(95)]


def test_server_without_totals_is_read_page_by_page(
    client: CssmClient, account: Account, emulator: EmulatorThread
) -> None:
    emulator.scenario("no-totals")

    assert len(serials(client, 4)) == 95


@pytest.mark.parametrize("scenario", ["growing-listing", "shrinking-listing"])
def test_listing_that_moves_is_shifted(
    client: CssmClient, account: Account, emulator: EmulatorThread, scenario: str
) -> None:
    emulator.scenario(scenario)

    with pytest.raises(Shifted, match="The listing of devices changed while it was being read"):
        serials(client, 4)


def test_token_that_dies_under_several_calls_is_renewed_once(
    client: CssmClient, account: Account, emulator: EmulatorThread
) -> None:
    client.smart_accounts()
    emulator.session.tokens.clear()

    assert len(serials(client, 4)) == 95
    assert len(emulator.session.tokens) == 1


def test_closed_client_calls_no_more(client: CssmClient, account: Account) -> None:
    client.transport.close()

    with pytest.raises(Exception, match="given up"):
        client.smart_accounts()


def test_few_are_under_way_at_once() -> None:
    running, most, lock = 0, 0, threading.Lock()
    begun: list[int] = []

    def call(number: int) -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
            begun.append(number)
        threading.Event().wait(0.01)
        with lock:
            running -= 1
        return number

    found = run_ahead(((lambda number=number: call(number)) for number in range(20)), 3)

    assert next(found) == 0
    assert begun == [0]
    assert next(found) == 1
    assert max(begun) <= 5
    assert list(found) == list(range(2, 20))
    assert 1 < most <= 3


def test_quick_answers_come_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listings, "AT_ONCE_SECONDS", 60.0)

    assert set(run_ahead([threading.current_thread] * 20, 3)) == {threading.current_thread()}


def test_first_error_ends_it() -> None:
    def fail() -> int:
        raise CssmUnavailable("gone")

    found = run_ahead([lambda: 1, fail, lambda: 3], 2)

    assert next(found) == 1
    with pytest.raises(CssmUnavailable, match="gone"):
        next(found)
    assert list(found) == []


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (b'{"devices": null, "status": "SUCCESS"}', []),
        (b'{"status": "SUCCESS"}', []),
        (b'{"devices": {}}', []),
        (b'{"devices": [null, 1, "x", {"a": 1}, [2]]}', [b'{"a": 1}']),
        (b'{"devices": [{"a": "\\u0000"}], "total": NaN}', [b'{"a": "\\u0000"}']),
        ('{"devices": [{"a": "漢字"}]}'.encode(), ['{"a": "漢字"}'.encode()]),
    ],
)
def test_rows_of_odd_answers(content: bytes, rows: list[bytes]) -> None:
    assert listings._row_decoder("devices")(content)["devices"] == rows


@pytest.mark.parametrize("content", [b"<html>", b'{"devices": [{"a": ', b'{"devices": [{"a": "\xff"}]}'])
def test_what_is_no_json_is_none(content: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whichever of its kinds
        listings._row_decoder("devices")(content)


def test_answer_that_is_no_object_stays_what_it_is() -> None:
    assert listings._row_decoder("devices")(b"[1]") == [1]


def test_page_smaller_than_asked_for_is_the_servers_way(
    client: CssmClient, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = listings._page

    def capped(transport: object, listing: object, size: int, offset: int) -> object:
        return real(client.transport, client.listing_of_product_instances(ACME), min(size, 7), offset)

    monkeypatch.setattr(listings, "_page", capped)

    for parallel in (1, 4):
        assert len(serials(client, parallel)) == 95
