"""Answer family B in the emulator: ids, summaries by tag, reservations, and requests whose results are polled for
(docs/cisco-api.md#reservations, docs/cisco-api.md#policy-calls).

Tags are made up from the names: the true ones of most licenses are not published (docs/cisco-api.md#unknown-tags).
"""

import re

from licensing.cisco.emulator.state import Account, Polled, Raw, State

FIRST_ACCOUNT_ID, FIRST_POOL_ID = 100_000, 9_007_199_254_740_993  # the second exceeds 2^53, as Cisco's do
FIRST_POLL_ID = 1_234_567_890_123_456_789
POLL_SECONDS = 300
# Spelt as the original spells it.
NO_IDS = {"status": "FAILED", "message_code": "ERROR", "message": "Invaid Smart Account ID"}


def account_with_ids(state: State, account: Account) -> Raw:
    """Return an account and its pools with their ids."""
    return {
        "account_id": str(_account_id(state, account)),
        "domain": account.domain,
        "name": account.name,
        "virtual_accounts": [
            {
                "virtual_account_id": str(FIRST_POOL_ID + place),
                "name": pool["name"],
                "default": pool["isDefault"] == "true",
            }
            for place, pool in enumerate(account.virtual_accounts)
        ],
    }


def summary(state: State, headers: dict[str, str], body: Raw) -> Raw:
    """Answer the summary with the names of 2022. The body's timestamp and nonce come back."""
    asked = body.get("data") or {}
    echo = _echo(asked)
    found = _pool(state, headers)
    if found is None:
        return {**echo, **NO_IDS}
    account, pool = found
    rows = [_entitlement(raw) for raw in account.licenses if raw["virtualAccount"] == pool]
    wanted = set(asked.get("tags") or [])
    return {
        **echo,
        "status": "SUCCESS",
        "message_code": "",
        "message": "",
        "out_standing_reports": 0,
        "summary": [row for row in rows if not wanted or row["tag"] in wanted],
    }


def request(state: State, headers: dict[str, str], body: Raw, results: str) -> Raw:
    """Accept a request that takes a while: the answer is a number to poll with. `results` names the later result.

    A report that came before is refused. The results are made up: nothing is reserved or reported.
    """
    asked = body.get("data") or {}
    if _pool(state, headers) is None:
        return {**_echo(asked), **NO_IDS}
    if results == "acknowledgements" and asked in [polled.asked for polled in state.polled.values()]:
        return {**_echo(asked), "status": "FAILED", "message_code": "ERROR", "message": "This report came before."}
    poll_id = FIRST_POLL_ID + len(state.polled)
    state.polled[poll_id] = Polled(asked, results)
    return {**_echo(asked), "status": "OK_POLL", "poll_id": poll_id, "poll_interval": POLL_SECONDS, "action": results}


def poll(state: State, headers: dict[str, str], body: Raw) -> Raw:
    """Answer a poll: not ready the first time, complete from the second on."""
    asked = body.get("data") or {}
    poll_id = asked.get("poll_id")
    found = state.polled.get(poll_id) if isinstance(poll_id, int) else None
    if found is None or found.results != asked.get("action"):
        return {**_echo(asked), "status": "FAILED", "message_code": "ERROR", "message": "Unknown poll_id or action."}
    found.times += 1
    if found.times == 1:
        return {**_echo(asked), "status": "OK_POLL", "poll_id": poll_id, "poll_interval": POLL_SECONDS}
    return {**_echo(asked), "status": "COMPLETE", "data": {found.results: [{"status": "SUCCESS", "message": ""}]}}


def reservable(software_tags: list[str]) -> list[Raw]:
    return [
        {"softwareTag": tag, "entitlements": [{"type": "SPECIFIC", "entitlementTag": f"{tag}.reservation"}]}
        for tag in software_tags
    ]


def _echo(asked: Raw) -> Raw:
    return {"timestamp": asked.get("timestamp"), "nonce": asked.get("nonce")}


def _account_id(state: State, account: Account) -> int:
    return FIRST_ACCOUNT_ID + list(state.accounts).index(account.domain)


def _pool(state: State, headers: dict[str, str]) -> tuple[Account, str] | None:
    for account in state.accounts.values():
        if headers.get("x-csw-smart-account-id") != str(_account_id(state, account)):
            continue
        for place, pool in enumerate(account.virtual_accounts):
            if headers.get("x-csw-virtual-account-id") == str(FIRST_POOL_ID + place):
                return account, pool["name"]
    return None


def _entitlement(raw: Raw) -> Raw:
    word = re.sub(r"[^A-Za-z0-9]+", "_", raw["license"]).strip("_")
    return {
        "tag": f"regid.2026-01.example.{word},1.0",
        "display_name": raw["license"],
        "compliance_status": raw["status"],
        "enforced": False,
        "export_restricted": bool(raw.get("exportRestricted")),
        "prepaid_entitled": raw["quantity"],
        "prepaid_inuse": raw["inUse"] + raw["reserved"],
        "prepaid_reserved": raw["reserved"],
        "license_details": [],
    }
