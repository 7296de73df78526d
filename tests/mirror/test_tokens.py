"""The token that a cluster registers with: a known one that lasts, or a new one, never one without export control."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from kit.refusals import Refusal
from licensing.assignments import batch_tokens
from licensing.assignments.models import AssignmentBatch
from licensing.cisco.emulator.server import EmulatorThread
from licensing.fleet.models import ClusterAccess
from licensing.mirror import tokens
from licensing.mirror.models import RegistrationToken, VirtualAccount
from licensing.operations import tasks
from people import audit
from people.models import AuditEntry
from tenants.models import Partner
from tests import factories as make
from tests.accounts.test_pages_servers import server_of

HOUR = timedelta(hours=1)


@pytest.fixture
def pool(acme: Partner, emulator: EmulatorThread) -> VirtualAccount:
    emulator.state.add("acme.example", "Acme").add_pool("Pool")
    account = make.make_smart_account(license_server=server_of(emulator), domain="acme.example", name="Acme")
    return make.make_virtual_account(smart_account=account, name="Pool")


def token(pool: VirtualAccount, ends: datetime | None, text: str = "known-text", **values: object) -> RegistrationToken:
    return make.make_token(virtual_account=pool, expires_at=ends, text=text, **values)


def test_the_known_token_that_lasts_longest_is_taken(pool: VirtualAccount, emulator: EmulatorThread) -> None:
    now = timezone.now()
    token(make.make_virtual_account(smart_account=pool.smart_account), now + 90 * HOUR)
    token(pool, now + 99 * HOUR, text="")  # Cisco's text is not known
    token(pool, now + 98 * HOUR, gone_at=now)
    token(pool, now + 97 * HOUR, export_controlled=True)
    token(pool, now + 48 * HOUR)
    longest = token(pool, now + 72 * HOUR)

    assert tokens.usable_for(pool, False, now) == longest
    assert emulator.state.accounts["acme.example"].tokens == {}


def test_an_expiring_one_is_replaced_before_it_is_needed(pool: VirtualAccount, emulator: EmulatorThread) -> None:
    now = timezone.now()
    expiring = token(pool, now + HOUR)

    first = tokens.usable_for(pool, False, now)
    again = tokens.usable_for(pool, False, now + 24 * HOUR)

    (listed,) = emulator.state.accounts["acme.example"].tokens["Pool"]
    assert first != expiring
    assert first == again
    assert tokens.text_of(first) == listed["token"]
    assert listed["token"] not in str(list(AuditEntry.objects.values_list("changes", flat=True)))
    assert AuditEntry.objects.values_list("actor", "action").get() == ("portal", "created")


def test_one_for_a_late_window_lasts_until_then(pool: VirtualAccount) -> None:
    at = timezone.now() + timedelta(days=60)

    made = tokens.usable_for(pool, False, at)

    assert made.expires_at is not None
    assert made.expires_at > at


def test_export_control_is_never_made_over_the_api(pool: VirtualAccount, emulator: EmulatorThread) -> None:
    now = timezone.now()
    token(pool, now + 48 * HOUR)
    with pytest.raises(Refusal, match="has no export-controlled token") as refused:
        tokens.usable_for(pool, True, now)
    by_hand = token(pool, None, export_controlled=True)

    assert "record it here by hand" in refused.value.next_step
    assert tokens.usable_for(pool, True, now) == by_hand
    assert emulator.state.accounts["acme.example"].tokens == {}


def test_no_token_is_made_for_what_is_paused_or_gone(pool: VirtualAccount) -> None:
    pool.gone_at = timezone.now()

    with pytest.raises(Refusal, match="no longer lists"):
        tokens.usable_for(pool, False, timezone.now())


# --- ahead of planned batches ---


def planned(
    pool: VirtualAccount, method: str = "axl", cluster: dict[str, bool] | None = None, **values: object
) -> AssignmentBatch:
    row = make.make_cluster(**(cluster or {}))
    ClusterAccess.objects.create(cluster=row, method=method)
    defaults = {"state": "planned", "window_end": timezone.now() + 48 * HOUR, "virtual_account": pool}
    return make.make_batch([row], **{**defaults, **values})


def test_a_sync_replaces_a_token_that_ends_before_the_window_of_a_batch(
    pool: VirtualAccount, emulator: EmulatorThread
) -> None:
    cisco = emulator.state.accounts["acme.example"]
    batch, listed = planned(pool), cisco.add_token("Pool", "Ends too soon", 1)
    token(pool, timezone.now() + 24 * HOUR, digest=tokens.digest_of(listed["token"]))

    for _ in range(2):
        tasks.sync_smart_account(pool.smart_account_id)

    assert [raw["description"] for raw in cisco.tokens["Pool"]] == ["Ends too soon", tokens.RENEWED]
    made = RegistrationToken.objects.get(made_here=True)
    assert made.expires_at is not None
    assert made.expires_at > batch.window_end
    assert AuditEntry.objects.filter(object_type="registrationtoken").values_list("actor", "action").get() == (
        "portal",
        "created",
    )


@pytest.mark.parametrize(
    "values",
    [
        {"state": "draft"},
        {"state": "cancelled"},
        {"kind": "unassign"},
        {"method": "manual"},
        {"cluster": {"mixed_mode": True}},
        {"cluster": {"managed_on_premise": True}},
        {"window_end": timezone.now() - HOUR, "window_start": timezone.now() - 2 * HOUR},
        {"window_end": datetime.max.replace(tzinfo=UTC)},
    ],
)
def test_no_token_is_made_ahead_of_what_needs_none(pool: VirtualAccount, emulator: EmulatorThread, values: Any) -> None:
    planned(pool, **values)

    batch_tokens.renew_tokens(pool.smart_account)

    assert not RegistrationToken.objects.exists()


def test_the_token_of_a_mixed_mode_run_is_left_alone(pool: VirtualAccount) -> None:
    planned(pool)
    by_hand = token(pool, None, export_controlled=True)

    batch_tokens.renew_tokens(pool.smart_account)

    assert RegistrationToken.objects.get() == by_hand


def test_a_token_that_cannot_be_made_ahead_stops_nothing(pool: VirtualAccount, emulator: EmulatorThread) -> None:
    planned(pool)
    emulator.scenario("server-error")

    batch_tokens.renew_tokens(pool.smart_account)

    assert not RegistrationToken.objects.exists()


# --- REST ---

TEXT = "a-token-that-was-made-in-cssm"


def test_rest_records_a_token_made_by_hand_and_never_shows_its_text(
    pool: VirtualAccount, acme: Partner, api_of: Any
) -> None:
    api, body = (
        api_of(acme),
        {"virtual_account": pool.pk, "text": TEXT, "description": "Core", "export_controlled": True},
    )

    made = api.post("/api/v1/registration-tokens/record/", body)
    again = api.post("/api/v1/registration-tokens/record/", body)
    short = api.post("/api/v1/registration-tokens/record/", {**body, "text": "short"})
    viewer = api_of(acme, "viewer").post("/api/v1/registration-tokens/record/", body)

    row = RegistrationToken.objects.get()
    assert (made.status_code, again.status_code, short.status_code, viewer.status_code) == (201, 400, 400, 403)
    assert (made.json()["export_controlled"], made.json()["made_here"], tokens.text_of(row)) == (True, False, TEXT)
    assert list(again.json()["errors"]) == list(short.json()["errors"]) == ["text"]
    said = made.content + api.get(f"/api/v1/registration-tokens/{row.pk}/").content + again.content
    assert TEXT.encode() not in said
    assert TEXT not in str(list(AuditEntry.objects.values_list("changes", "object_label")))


def test_uses_are_recorded_corrected_and_never_set_out_of_bounds(
    pool: VirtualAccount, acme: Partner, globex: Partner, api_of: Any
) -> None:
    api = api_of(acme)
    body = {"virtual_account": pool.pk, "text": TEXT, "description": "Core", "uses_allowed": 5}
    made = api.post("/api/v1/registration-tokens/record/", body).json()
    address = f"/api/v1/registration-tokens/{made['id']}/"

    changed = api.patch(address, {"uses": 4})
    lifted = api.patch(address, {"uses_allowed": None})
    refused = [api.patch(address, {name: number}) for name, number in (("uses_allowed", 0), ("uses", -1), ("id", 7))]
    viewer, other = api_of(acme, "viewer").patch(address, {"uses": 1}), api_of(globex).patch(address, {"uses": 1})

    assert (made["uses_allowed"], made["uses"]) == (5, 0)
    assert (changed.status_code, changed.json()["uses_allowed"], changed.json()["uses"]) == (200, 5, 4)
    assert (lifted.json()["uses_allowed"], lifted.json()["uses"]) == (None, 4)
    assert [answer.status_code for answer in (*refused, viewer, other)] == [400, 400, 400, 403, 404]
    assert TEXT not in str(list(AuditEntry.objects.values_list("changes", "object_label")))


def test_page_shows_and_takes_the_uses(pool: VirtualAccount, acme: Partner, client_of: Any) -> None:
    token, client = make.make_token(virtual_account=pool), client_of(acme, "operator")
    address = f"/registration-tokens/{token.pk}/"

    assert "no limit known" in client.get(address).content.decode()
    assert client.post(f"{address}uses/", {"uses_allowed": "2", "uses": "2"})["Location"] == address
    assert "2 of 2" in client.get(address).content.decode()
    assert client.post(f"{address}uses/", {"uses_allowed": "0", "uses": "2"}).status_code == 422
    assert client_of(acme, "viewer").get(f"{address}uses/").status_code == 403


def test_use_that_is_counted_meanwhile_is_kept(pool: VirtualAccount) -> None:
    token = make.make_token(virtual_account=pool, uses=1)
    tokens.count_use(token)

    tokens.set_uses(audit.SYSTEM, token, uses_allowed=5)

    token.refresh_from_db()
    assert (token.uses_allowed, token.uses) == (5, 2)


def test_used_up_token_is_not_taken(pool: VirtualAccount, emulator: EmulatorThread) -> None:
    make.make_token(virtual_account=pool, text=TEXT, uses_allowed=1, uses=1)
    left = make.make_token(virtual_account=pool, text="another-text", uses_allowed=2, uses=1)

    assert tokens.usable_for(pool, False, timezone.now()) == left
