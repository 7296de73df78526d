"""Registration tokens, from the page through the worker's task to Cisco's side over HTTP and back."""

from typing import Any

import pytest
from django.utils import timezone
from django_tenants.utils import tenant_context

from kit.refusals import Refusal
from licensing.cisco.emulator.server import EmulatorThread
from licensing.cisco.errors import CssmUnavailable
from licensing.mirror import tokens
from licensing.mirror.models import RegistrationToken, VirtualAccount
from licensing.operations import requests, tasks
from people import audit
from people.models import AuditEntry, User
from tenants.models import Partner
from tests import factories as make
from tests.accounts.test_pages_servers import QUERIES, page, server_of

ASKED = {"description": "Hospital, core", "expires_after_days": "30"}


@pytest.fixture
def pool(acme: Partner, emulator: EmulatorThread) -> VirtualAccount:
    emulator.state.add("acme.example", "Acme").add_pool("Pool")
    account = make.make_smart_account(license_server=server_of(emulator), domain="acme.example", name="Acme")
    return make.make_virtual_account(smart_account=account, name="Pool")


def listed(emulator: EmulatorThread) -> list[str]:
    return [raw["token"] for raw in emulator.state.accounts["acme.example"].tokens.get("Pool", [])]


def ask(client: Any, pool: VirtualAccount, **values: str) -> str:
    """Post the form; the key of the request."""
    response = client.post("/registration-tokens/add/", {"virtual_account": pool.pk, **ASKED, **values})
    return str(response["Location"]).split("/")[-2]


def carry_out(key: str, pool: VirtualAccount) -> None:
    """What the worker does with the message."""
    asked = {"virtual_account": pool.pk, "description": "Hospital, core", "expires_after_days": 30}
    tasks.carry_out_request(key, "create", asked)


def test_token_is_made_by_the_worker_and_its_text_shown_once(
    pool: VirtualAccount, acme: Partner, client_of: Any, emulator: EmulatorThread
) -> None:
    client = client_of(acme, "operator")

    key = ask(client, pool)
    waiting = page(client.get(f"/registration-tokens/errands/{key}/"))
    assert listed(emulator) == []
    carry_out(key, pool)
    answer = client.get(f"/registration-tokens/errands/{key}/", HTTP_HX_REQUEST="true")

    token, (text,) = RegistrationToken.objects.get(), listed(emulator)
    assert f'hx-get="/registration-tokens/errands/{key}/"' in waiting
    assert f'<code id="token">{text}</code>' in page(answer)
    assert "no-store" in answer["Cache-Control"]
    assert client.get(f"/registration-tokens/errands/{key}/").status_code == 404
    assert (token.digest, token.made_here, tokens.text_of(token)) == (tokens.digest_of(text), True, text)
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.action, text in str(entry.changes)) == ("operator@acme.example", "created", False)
    shown = page(client.get(f"/registration-tokens/{token.pk}/")) + page(client.get("/registration-tokens/"))
    assert text not in shown


def test_message_that_comes_twice_makes_one_token(
    pool: VirtualAccount, acme: Partner, client_of: Any, emulator: EmulatorThread
) -> None:
    key = ask(client_of(acme, "operator"), pool)

    for _ in range(2):
        carry_out(key, pool)

    assert len(listed(emulator)) == 1


def test_worker_that_died_in_between_leaves_a_clear_answer_and_no_second_token(
    pool: VirtualAccount, acme: Partner, client_of: Any, emulator: EmulatorThread
) -> None:
    client = client_of(acme, "operator")
    key = ask(client, pool)
    requests.take_up(key)  # and then its worker is killed

    carry_out(key, pool)

    shown = page(client.get(f"/registration-tokens/errands/{key}/"))
    assert "the outcome is not known." in shown
    assert "look at what Cisco lists before you try again." in shown
    assert listed(emulator) == []


def test_answer_is_for_who_asked(pool: VirtualAccount, acme: Partner, globex: Partner, client_of: Any) -> None:
    key = ask(client_of(acme, "operator"), pool)

    assert client_of(acme, "owner").get(f"/registration-tokens/errands/{key}/").status_code == 403
    assert client_of(globex, "operator").get(f"/registration-tokens/errands/{key}/").status_code == 404


def test_silent_server_is_told_with_what_to_do(
    pool: VirtualAccount, acme: Partner, client_of: Any, emulator: EmulatorThread
) -> None:
    server = pool.smart_account.license_server
    server.client_secret = "wrong"
    server.save()
    client = client_of(acme, "operator")

    key = ask(client, pool)
    carry_out(key, pool)

    shown = page(client.get(f"/registration-tokens/errands/{key}/"))
    assert "Check client ID and secret." in shown
    assert RegistrationToken.objects.count() == AuditEntry.objects.count() == 0


@pytest.mark.parametrize(
    ("typed", "status", "message"),
    [
        ({"expires_after_days": "400"}, 422, "Ensure this value is less than or equal to 365."),
        ({"description": ""}, 422, "This field is required."),
    ],
)
def test_unfit_request_is_said_and_kept(
    pool: VirtualAccount, acme: Partner, client_of: Any, typed: dict[str, str], status: int, message: str
) -> None:
    posted = {"virtual_account": pool.pk, **ASKED, **typed}

    response = client_of(acme, "operator").post("/registration-tokens/add/", posted)

    assert response.status_code == status
    assert message in page(response)
    assert f'value="{posted["expires_after_days"]}"' in page(response)


def test_gone_and_paused_pools_make_no_tokens(pool: VirtualAccount) -> None:
    pool.smart_account.paused_at = timezone.now()
    with pytest.raises(Refusal, match="Acme is paused"):
        tokens.create(audit.SYSTEM, pool, "x", 30)

    pool.gone_at = timezone.now()
    with pytest.raises(Refusal, match="Cisco no longer lists Pool"):
        tokens.create(audit.SYSTEM, pool, "x", 30)


def test_token_whose_answer_was_lost_is_found_by_reading_back(pool: VirtualAccount, emulator: EmulatorThread) -> None:
    emulator.scenario("lost-answers")

    token, text = tokens.create(audit.SYSTEM, pool, "Hospital, core", 30)

    assert listed(emulator) == [text]
    assert token.digest == tokens.digest_of(text)


def test_token_that_was_not_made_is_said_so(pool: VirtualAccount, emulator: EmulatorThread) -> None:
    emulator.state.accounts["acme.example"].add_token("Pool", "Hospital, core", 5)  # of the same name, another end
    emulator.scenario("lost-writes")

    with pytest.raises(CssmUnavailable, match=r"No token was made\."):
        tokens.create(audit.SYSTEM, pool, "Hospital, core", 30)

    assert RegistrationToken.objects.count() == AuditEntry.objects.count() == 0


def test_token_that_may_be_one_of_two_is_not_said_to_be_missing(pool: VirtualAccount, emulator: EmulatorThread) -> None:
    emulator.state.accounts["acme.example"].add_token("Pool", "Hospital, core", 30)  # somebody else's, not mirrored yet
    emulator.scenario("lost-answers")

    with pytest.raises(CssmUnavailable, match="The portal does not know whether the token was made") as failure:
        tokens.create(audit.SYSTEM, pool, "Hospital, core", 30)

    assert "check the list before you make another token." in failure.value.next_step
    assert (len(listed(emulator)), RegistrationToken.objects.count()) == (2, 0)


@pytest.mark.parametrize(("scenario", "left"), [("lost-answers", 0), ("lost-writes", 1)])
def test_lost_revocation_is_decided_by_reading_back(
    pool: VirtualAccount, emulator: EmulatorThread, scenario: str, left: int
) -> None:
    text = emulator.state.accounts["acme.example"].add_token("Pool", "Old one", 30)["token"]
    token = make.make_token(virtual_account=pool, digest=tokens.digest_of(text))
    emulator.scenario(scenario)

    if left:
        with pytest.raises(CssmUnavailable):
            tokens.revoke(audit.SYSTEM, token)
    else:
        tokens.revoke(audit.SYSTEM, token)

    token.refresh_from_db()
    assert len(listed(emulator)) == left
    assert (token.gone_at is None, AuditEntry.objects.count()) == (bool(left), 1 - left)


def test_token_made_elsewhere_is_revoked(
    pool: VirtualAccount, acme: Partner, acme_users: dict[str, User], client_of: Any, emulator: EmulatorThread
) -> None:
    text = emulator.state.accounts["acme.example"].add_token("Pool", "Old one", 30)["token"]
    token = make.make_token(virtual_account=pool, digest=tokens.digest_of(text), description="Old one")
    client, address = client_of(acme, "operator"), f"/registration-tokens/{token.pk}"

    assert "No product can register with it any more." in page(client.get(f"{address}/revoke/"))
    key = client.post(f"{address}/revoke/")["Location"].split("/")[-2]
    assert listed(emulator) == [text]
    tasks.carry_out_request(key, "revoke", {"token": token.pk})

    assert "The token was revoked." in page(client.get(f"/registration-tokens/errands/{key}/"))
    assert listed(emulator) == []
    token.refresh_from_db()
    assert token.gone_at is not None
    assert [entry.action for entry in AuditEntry.objects.all()] == ["revoked"]
    again = client.post(f"{address}/revoke/")
    assert again.status_code == 409
    assert "Cisco no longer lists this token" in page(again)


def test_token_is_recorded_by_hand_once(pool: VirtualAccount, acme: Partner, client_of: Any) -> None:
    client = client_of(acme, "operator")
    typed = {
        "virtual_account": pool.pk,
        "text": "MTIzNDU2Nzg5MDEy\n  MzQ1Njc4OTA%3D%0A",
        "description": "Mixed mode",
        "expires_at": "2030-01-31",
        "export_controlled": "on",
    }

    first = client.post("/registration-tokens/record/", typed)
    second = client.post("/registration-tokens/record/", typed)
    short = client.post("/registration-tokens/record/", {**typed, "text": "half"})

    token = RegistrationToken.objects.get()
    assert first["Location"] == f"/registration-tokens/{token.pk}/"
    assert (second.status_code, short.status_code) == (409, 422)
    assert "This token is already recorded." in page(second)
    assert "This registration token is incomplete." in page(short)
    assert (token.export_controlled, token.made_here, token.created_by) == (True, False, "operator@acme.example")
    assert tokens.text_of(token) == "MTIzNDU2Nzg5MDEyMzQ1Njc4OTA%3D%0A"
    assert "MTIzNDU2" not in page(client.get(f"/registration-tokens/{token.pk}/")) + page(client.get("/audit/"))


def test_page_and_rest_record_a_token_by_one_rule(
    pool: VirtualAccount, acme: Partner, globex: Partner, client_of: Any, api_of: Any
) -> None:
    text, ends = "MTIzNDU2Nzg5MDEyMzQ1Njc4OTA=", "2030-01-31T00:00:00Z"
    with tenant_context(globex):
        make.make_token(digest=tokens.digest_of(text))
    other = make.make_virtual_account(smart_account=pool.smart_account, name="Other")
    gone = make.make_virtual_account(smart_account=pool.smart_account, name="Gone", gone_at=timezone.now())
    client, api = client_of(acme, "operator"), api_of(acme, "operator")
    sent = {"text": "MTIzNDU2Nzg5MDEy \n MzQ1Njc4OTA=", "description": "Mixed mode", "expires_at": ends}

    answers = [
        api.post("/api/v1/registration-tokens/record/", {**sent, "virtual_account": place.pk})
        for place in (gone, pool, other)
    ]
    posted = client.post("/registration-tokens/record/", {**sent, "expires_at": "", "virtual_account": other.pk})

    assert [answer.status_code for answer in answers] == [400, 201, 400]
    assert answers[0].json()["errors"] == {
        "virtual_account": ["Cisco no longer lists Gone. Choose another virtual account."]
    }
    words = f"This token belongs to {pool}. Choose that one, or make a token in Other."
    assert answers[2].json()["errors"] == {"virtual_account": [words]}
    assert (posted.status_code, words in page(posted)) == (409, True)
    assert tokens.text_of(RegistrationToken.objects.get()) == text


def test_viewers_read_the_inventory_and_make_nothing(pool: VirtualAccount, acme: Partner, client_of: Any) -> None:
    token = make.make_token(virtual_account=pool, description="Seen by all", text="hide-me")
    client = client_of(acme, "viewer")
    writes = ["add/", "record/", f"{token.pk}/revoke/", "errands/x/"]

    assert "Seen by all" in page(client.get("/registration-tokens/"))
    assert "hide-me" not in page(client.get(f"/registration-tokens/{token.pk}/"))
    assert [client.post(f"/registration-tokens/{path}").status_code for path in writes] == [403] * 4
    assert client.get("/registration-tokens/errands/x/").status_code == 403


@pytest.mark.parametrize("rows", [1, 3])
def test_token_list_needs_the_same_queries_for_more_rows(
    acme: Partner, globex: Partner, client_of: Any, django_assert_num_queries: Any, rows: int
) -> None:
    with tenant_context(globex):
        make.make_token(description="globex token")
    for _ in range(rows):
        make.make_token()
    client = client_of(acme, "viewer")
    client.get("/registration-tokens/")

    with django_assert_num_queries(QUERIES):
        shown = page(client.get("/registration-tokens/"))

    assert shown.count('class="title"') == rows
    assert "globex token" not in shown


@pytest.mark.parametrize(("kind", "words"), [("cloud", "the cloud"), ("on_prem", ">Cellar</a>")])
def test_token_says_what_it_registers_with(acme: Partner, client_of: Any, kind: str, words: str) -> None:
    account = make.make_smart_account(license_server=make.make_server(name="Cellar", kind=kind))
    token = make.make_token(virtual_account=make.make_virtual_account(smart_account=account))

    shown = page(client_of(acme, "viewer").get(f"/registration-tokens/{token.pk}/"))

    fact = shown.partition("<dt>Registers with</dt>")[2].partition("</div>")[0]
    assert words in fact
    assert ("On-Prem" in fact) is (kind == "on_prem")
