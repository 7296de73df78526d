"""Requests to Cisco over REST: a worker carries them out, the call waits for the worker a little, texts show once."""

from inspect import signature
from time import monotonic, sleep
from typing import Any

import pytest
from django.utils import timezone

from kit.refusals import Refusal
from licensing.cisco.emulator.server import EmulatorThread
from licensing.cisco.errors import CssmRefused, CssmUnavailable
from licensing.mirror import tokens
from licensing.mirror.models import RegistrationToken, VirtualAccount
from licensing.operations import requests, tasks
from people import audit
from people.models import ApiToken, AuditEntry, User
from tenants.models import Partner
from tests import factories as make
from tests.accounts.test_pages_servers import server_of
from tests.conftest import PartnerApi

TOKENS = "/api/v1/registration-tokens/"
ASKED = {"description": "for Main", "expires_after_days": 30}
ASYNC = {"HTTP_PREFER": "respond-async"}


def make_pool(emulator: EmulatorThread) -> VirtualAccount:
    emulator.state.add("acme.example", "Acme").add_pool("Pool")
    account = make.make_smart_account(license_server=server_of(emulator), domain="acme.example", name="Acme")
    return make.make_virtual_account(smart_account=account, name="Pool")


def at_cisco(emulator: EmulatorThread) -> list[str]:
    return [raw["token"] for raw in emulator.state.accounts["acme.example"].tokens.get("Pool", [])]


# --- with a real worker ---


@pytest.fixture
def worked(worker: Any, in_partner: Any, emulator: EmulatorThread, settings: Any) -> VirtualAccount:
    """A pool of acme's in the database that the worker sees; the call waits however slow this machine is."""
    settings.REQUEST_WAIT_SECONDS = 60
    with in_partner("acme"):
        return make_pool(emulator)


@pytest.fixture
def api(worked: VirtualAccount, in_partner: Any) -> PartnerApi:
    return api_as(in_partner, "operator")


def api_as(in_partner: Any, role: str) -> PartnerApi:
    with in_partner("acme"):
        _, text = ApiToken.issue(User.objects.get(role=role), f"test {role}", "write")
    return PartnerApi(SERVER_NAME="acme.localhost", HTTP_AUTHORIZATION=f"Bearer {text}")


def test_token_is_made_by_a_worker_and_its_text_shown_once(
    worked: VirtualAccount, api: PartnerApi, in_partner: Any, emulator: EmulatorThread
) -> None:
    made = api.post(TOKENS, {"virtual_account": worked.pk, **ASKED})

    assert (made.status_code, made["Cache-Control"]) == (201, "no-store")
    text = made.json()["token"]
    assert at_cisco(emulator) == [text]
    with in_partner("acme"):
        row, audited = RegistrationToken.objects.get(), str(list(AuditEntry.objects.values()))
    assert (row.text.reveal(), row.description, row.made_here) == (text, "for Main", True)
    again = [api.get(f"{TOKENS}{part}").content.decode() for part in ("", f"{row.pk}/")]
    assert [text in shown for shown in (*again, audited)] == [False] * 3
    with in_partner("globex"):
        assert not RegistrationToken.objects.exists()


def test_refusal_of_cisco_is_passed_on(worked: VirtualAccount, api: PartnerApi, in_partner: Any) -> None:
    with in_partner("acme"):
        server = worked.smart_account.license_server
        server.client_secret = "wrong"
        server.save()

    answer = api.post(TOKENS, {"virtual_account": worked.pk})

    assert (answer.status_code, answer["Content-Type"]) == (409, "application/problem+json")
    assert answer.json()["detail"] == "Cisco's side refused the client ID or secret."
    with in_partner("acme"):
        assert RegistrationToken.objects.count() == 0


def test_token_is_revoked_by_a_worker(
    worked: VirtualAccount, api: PartnerApi, in_partner: Any, emulator: EmulatorThread
) -> None:
    text = emulator.state.accounts["acme.example"].add_token("Pool", "Old one", 30)["token"]
    with in_partner("acme"):
        row = make.make_token(virtual_account=worked, digest=tokens.digest_of(text))
    address = f"{TOKENS}{row.pk}/revoke/"

    viewer, revoked, again = api_as(in_partner, "viewer").post(address), api.post(address), api.post(address)

    assert (viewer.status_code, revoked.status_code, again.status_code) == (403, 200, 409)
    assert revoked.json()["gone_at"]
    assert at_cisco(emulator) == []


def test_request_that_is_not_waited_for_is_followed(
    worked: VirtualAccount, api: PartnerApi, emulator: EmulatorThread
) -> None:
    begun = api.post(TOKENS, {"virtual_account": worked.pk, **ASKED}, **ASYNC)

    assert (begun.status_code, begun["Preference-Applied"]) == (202, "respond-async")
    end, shown = monotonic() + 20, begun.json()
    while shown["state"] not in ("done", "failed") and monotonic() < end:
        sleep(0.1)
        shown = api.get(begun["Location"]).json()
    assert (shown["state"], [shown["token"]]) == ("done", at_cisco(emulator))


# --- without a worker: what the call and the request say at each moment ---


@pytest.fixture
def pool(acme: Partner, emulator: EmulatorThread) -> VirtualAccount:
    return make_pool(emulator)


def begin(api: PartnerApi, pool: VirtualAccount, **headers: str) -> Any:
    return api.post(TOKENS, {"virtual_account": pool.pk, **ASKED}, **headers)


def carry_out(key: str, pool: VirtualAccount) -> None:
    """What the worker does with the message."""
    tasks.carry_out_request(key, "create", {"virtual_account": pool.pk, **ASKED})


def test_web_process_never_calls_cisco_and_waits_a_bounded_time(
    pool: VirtualAccount, acme: Partner, api_of: Any, emulator: EmulatorThread, settings: Any
) -> None:
    settings.REQUEST_WAIT_SECONDS = 1
    api, token = api_of(acme), make.make_token(virtual_account=pool)
    began = monotonic()

    answers = [begin(api, pool), api.post(f"{TOKENS}{token.pk}/revoke/")]

    assert 2 <= monotonic() - began < 45
    assert [(answer.status_code, answer.json()["state"]) for answer in answers] == [(202, "waiting")] * 2
    assert [answer["Location"] for answer in answers] == [answer.json()["url"] for answer in answers]
    assert [answer["Cache-Control"] for answer in answers] == ["no-store"] * 2
    assert at_cisco(emulator) == []


@pytest.mark.parametrize(
    ("prefer", "limit", "seconds", "applied"),
    [
        ("respond-async", 60, 0, True),
        ('Respond-Async; foo="bar", handling=lenient', 60, 0, True),
        ("respond-async, wait=1", 60, 1, True),
        ("wait=0", 60, 0, False),
        ("wait=60", 1, 1, False),
        ("wait=never", 1, 1, False),
        ("return=minimal", 1, 1, False),
    ],
)
def test_caller_says_how_long_to_wait(
    pool: VirtualAccount,
    acme: Partner,
    api_of: Any,
    settings: Any,
    prefer: str,
    limit: int,
    seconds: int,
    applied: bool,
) -> None:
    settings.REQUEST_WAIT_SECONDS = limit
    api, began = api_of(acme), monotonic()

    answer = begin(api, pool, HTTP_PREFER=prefer)

    assert seconds <= monotonic() - began < 45
    assert (answer.status_code, answer.get("Preference-Applied") == "respond-async") == (202, applied)


def test_finished_request_shows_the_text_once_to_who_asked_and_may_write(
    pool: VirtualAccount, acme: Partner, globex: Partner, api_of: Any, emulator: EmulatorThread
) -> None:
    api, reader = api_of(acme, "operator"), api_of(acme, "operator", "read")
    address = begin(api, pool, **ASYNC).json()["url"]
    key = address.split("/")[-2]
    early = api.get(address).json()
    carry_out(key, pool)

    (text,) = at_cisco(emulator)
    assert text not in repr(requests.find(key))
    others = [api_of(acme, "owner").get(address), api_of(globex, "operator").get(f"/api/v1/errands/{key}/")]
    with_read_scope, head = reader.get(address).json(), api.head(address)
    first, second = api.get(address), api.get(address)

    assert (early["state"], early["token"]) == ("waiting", "")
    assert [answer.status_code for answer in others] == [404, 404]
    assert (with_read_scope["state"], with_read_scope["token"], head.status_code) == ("done", "", 200)
    assert (first.json()["token"], first.json()["row"]) == (text, RegistrationToken.objects.get().pk)
    assert (second.json()["state"], second.json()["token"]) == ("done", "")
    assert first["Cache-Control"] == "no-store"


def test_broker_that_is_away_leaves_no_request(
    pool: VirtualAccount, acme: Partner, api_of: Any, no_broker: None, emulator: EmulatorThread
) -> None:
    api, token = api_of(acme), make.make_token(virtual_account=pool)

    answers = [begin(api, pool), api.post(f"{TOKENS}{token.pk}/revoke/")]

    assert [answer.status_code for answer in answers] == [503, 503]
    assert at_cisco(emulator) == []


# --- the protocol ---


def test_every_action_names_its_arguments_as_its_verb_does(pool: VirtualAccount) -> None:
    """A message made of an action's arguments comes back as those arguments."""
    assert sorted(requests.ACTIONS) == [
        "create",
        "create_virtual_account",
        "delete_virtual_account",
        "remove",
        "replace",
        "revoke",
        "transfer",
    ]
    instance, token = make.make_instance(virtual_account=pool), make.make_token(virtual_account=pool)
    wanted: dict[str, dict[str, Any]] = {
        "create": {"virtual_account": pool, "description": "", "expires_after_days": 1},
        "create_virtual_account": {"account": pool.smart_account, "name": "New", "description": ""},
        "delete_virtual_account": {"pool": make.make_virtual_account(smart_account=pool.smart_account)},
        "remove": {"instance": instance, "return_code": ""},
        "replace": {"instance": instance, "successor": make.make_instance(virtual_account=pool), "return_code": ""},
        "revoke": {"token": token},
        "transfer": {"instance": instance, "target": make.make_virtual_account(smart_account=pool.smart_account)},
    }
    for name, arguments in wanted.items():
        action = requests.ACTIONS[name]
        action.check(**arguments)
        signature(action.carry_out).bind(audit.SYSTEM, **arguments)
        assert action.unpack(action.pack(arguments)) == arguments


def test_only_one_worker_takes_a_request_up(pool: VirtualAccount, acme_users: dict[str, User]) -> None:
    asked = requests.start(acme_users["operator"], requests.CREATE_TOKEN, virtual_account=pool, **ASKED)

    taken = [requests.take_up(asked.key), requests.take_up(asked.key)]

    assert [found and found.state for found in taken] == ["begun", None]
    over = requests.find(asked.key)
    assert over is not None
    assert (over.state, type(requests.error_of(over))) == ("failed", CssmUnavailable)


def test_refusal_in_the_worker_reads_as_in_the_call(pool: VirtualAccount, acme_users: dict[str, User]) -> None:
    user = acme_users["operator"]
    deletion = requests.start(user, requests.DELETE_VIRTUAL_ACCOUNT, pool=pool)
    creation = requests.start(user, requests.CREATE_TOKEN, virtual_account=pool, **ASKED)
    assigned = make.make_assignment(virtual_account=pool)
    tasks.carry_out_request(deletion.key, "delete_virtual_account", {"pool": pool.pk})
    VirtualAccount.objects.filter(pk=pool.pk).update(gone_at=timezone.now())
    carry_out(creation.key, pool)

    in_use, gone = [requests.error_of(requests.find(asked.key)) for asked in (deletion, creation)]  # type: ignore[arg-type]

    assert isinstance(in_use, Refusal)
    assert isinstance(gone, Refusal)
    assert any(str(assigned.cluster) in words for words in in_use.blockers)
    assert (gone.field, gone.message) == ("virtual_account", "Cisco no longer lists Pool.")


def test_row_that_is_gone_from_the_portal_is_said(
    pool: VirtualAccount, acme_users: dict[str, User], emulator: EmulatorThread
) -> None:
    asked = requests.start(acme_users["operator"], requests.CREATE_TOKEN, virtual_account=pool, **ASKED)

    tasks.carry_out_request(asked.key, "create", {"virtual_account": 99_999_999, **ASKED})

    over = requests.find(asked.key)
    assert over is not None
    assert (over.state, over.message) == ("failed", "What this was about is no longer in the portal.")
    assert at_cisco(emulator) == []


def test_rejection_by_cisco_keeps_its_kind(pool: VirtualAccount, acme_users: dict[str, User]) -> None:
    asked = requests.start(
        acme_users["operator"],
        requests.CREATE_VIRTUAL_ACCOUNT,
        account=pool.smart_account,
        name="DEFAULT",
        description="",
    )
    tasks.carry_out_request(
        asked.key,
        "create_virtual_account",
        {"account": pool.smart_account_id, "name": "DEFAULT", "description": ""},
    )

    over = requests.find(asked.key)
    assert over is not None
    assert isinstance(requests.error_of(over), CssmRefused)
