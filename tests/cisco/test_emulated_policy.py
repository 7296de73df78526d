"""Family B's requests with polled results work as another program sees them (docs/cisco-api.md#policy-calls)."""

import httpx2
import pytest

from licensing.cisco.client import CssmClient
from licensing.cisco.emulator.server import EmulatorThread

REPORT = {"timestamp": 1, "nonce": "a", "report": "x"}


@pytest.fixture
def headers(emulator: EmulatorThread, client: CssmClient) -> dict[str, str]:
    emulator.state.add("acme.example", "Acme")
    (account,) = client.transport.call("GET", "/v2/accounts/search")["accounts"]
    return {
        "Authorization": f"Bearer {client.transport._bearer()}",
        "X-CSW-SMART-ACCOUNT-ID": account["account_id"],
        "X-CSW-VIRTUAL-ACCOUNT-ID": account["virtual_accounts"][0]["virtual_account_id"],
    }


def post(emulator: EmulatorThread, path: str, headers: dict[str, str], **data: object) -> httpx2.Response:
    return httpx2.post(emulator.base_url + path, json={"data": data}, headers=headers, trust_env=False)


@pytest.mark.parametrize(
    ("path", "results"),
    [("/v2/devices/reportusage", "acknowledgements"), ("/v2/devices/authrequest", "authorizations")],
)
def test_request_is_accepted_and_polled_for(
    emulator: EmulatorThread, headers: dict[str, str], path: str, results: str
) -> None:
    accepted = post(emulator, path, headers, **REPORT)
    answer = accepted.json()

    assert (accepted.status_code, answer["status"], answer["nonce"]) == (202, "OK_POLL", "a")
    assert answer["poll_id"] > 2**53
    polled = [post(emulator, "/v2/accounts/poll", headers, poll_id=answer["poll_id"], action=results) for _ in range(2)]
    assert [(one.status_code, one.json()["status"]) for one in polled] == [(200, "OK_POLL"), (200, "COMPLETE")]
    assert len(polled[1].json()["data"][results]) == 1


def test_same_report_twice_is_refused(emulator: EmulatorThread, headers: dict[str, str]) -> None:
    post(emulator, "/v2/devices/reportusage", headers, **REPORT)

    again = post(emulator, "/v2/devices/reportusage", headers, **REPORT)

    assert (again.status_code, again.json()["status"]) == (200, "FAILED")


def test_unknown_number_and_missing_ids_are_refused(emulator: EmulatorThread, headers: dict[str, str]) -> None:
    unknown = post(emulator, "/v2/accounts/poll", headers, poll_id=7, action="acknowledgements")
    without = post(emulator, "/v2/devices/reportusage", {"Authorization": headers["Authorization"]}, **REPORT)

    assert unknown.json()["status"] == without.json()["status"] == "FAILED"
    assert without.json()["message"] == "Invaid Smart Account ID"
