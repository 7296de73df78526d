"""Virtual accounts made and deleted at Cisco: over page, REST and worker, with guards and with lost answers."""

from typing import Any

import pytest

from kit.refusals import Refusal
from licensing.accounts.models import SmartAccount
from licensing.cisco.emulator.server import EmulatorThread
from licensing.cisco.errors import CssmRefused, CssmUnavailable
from licensing.mirror.models import VirtualAccount
from licensing.operations import removal, tasks, virtual_accounts
from people.audit import Actor
from people.models import AuditEntry, User
from tenants.models import Partner
from tests import factories as make
from tests.accounts.test_pages_servers import page, server_of

ANNA = Actor(None, "anna@acme.example")


@pytest.fixture
def account(acme: Partner, emulator: EmulatorThread) -> SmartAccount:
    emulator.state.add("acme.example", "Acme").add_pool("Pool")
    return make.make_smart_account(license_server=server_of(emulator), domain="acme.example", name="Acme")


def listed(emulator: EmulatorThread) -> list[str]:
    return [raw["name"] for raw in emulator.state.accounts["acme.example"].virtual_accounts]


def carry_out(key: str, action: str, **asked: Any) -> None:
    """What the worker does with the message."""
    tasks.carry_out_request(key, action, asked)


def test_a_virtual_account_is_made_read_back_and_audited(account: SmartAccount, emulator: EmulatorThread) -> None:
    made = virtual_accounts.create(ANNA, account, " R&D /  100% ", "For tests")

    assert made == VirtualAccount.objects.get()
    assert (made.name, made.description, made.gone_at) == ("R&D / 100%", "For tests", None)
    assert "R&D / 100%" in listed(emulator)
    assert AuditEntry.objects.values_list("action", "object_label").get() == ("created at Cisco", "R&D / 100%")


@pytest.mark.parametrize("name", ["", " ", "x" * 301, "a\x07b", "pool"])
def test_names_that_cannot_be_are_refused_without_asking_cisco(
    account: SmartAccount, emulator: EmulatorThread, name: str
) -> None:
    make.make_virtual_account(smart_account=account, name="Pool")
    before = listed(emulator)

    with pytest.raises(Refusal) as refused:
        virtual_accounts.create(ANNA, account, name)

    assert (refused.value.field, listed(emulator)) == ("name", before)


def test_a_name_that_only_cisco_knows_is_refused_by_cisco(account: SmartAccount) -> None:
    with pytest.raises(CssmRefused):
        virtual_accounts.create(ANNA, account, "Pool")

    assert VirtualAccount.objects.count() == 0


def test_an_empty_one_is_deleted_and_stays_as_gone(account: SmartAccount, emulator: EmulatorThread) -> None:
    pool = make.make_virtual_account(smart_account=account, name="Pool", note="ours")

    virtual_accounts.delete(ANNA, pool)

    pool.refresh_from_db()
    assert "Pool" not in listed(emulator)
    assert (pool.gone_at is not None, pool.note) == (True, "ours")
    assert AuditEntry.objects.values_list("action", flat=True).get() == "deleted at Cisco"
    with pytest.raises(Refusal, match="no longer lists"):
        virtual_accounts.delete(ANNA, pool)


def test_what_a_lost_answer_has_done_is_read_back(account: SmartAccount, emulator: EmulatorThread) -> None:
    pool = make.make_virtual_account(smart_account=account, name="Pool")
    emulator.scenario("lost-answers")

    made = virtual_accounts.create(ANNA, account, "New")
    virtual_accounts.delete(ANNA, pool)

    assert (made.name, "New" in listed(emulator), "Pool" in listed(emulator)) == ("New", True, False)


def test_what_a_lost_write_has_not_done_is_said(account: SmartAccount, emulator: EmulatorThread) -> None:
    pool = make.make_virtual_account(smart_account=account, name="Pool")
    emulator.scenario("lost-writes")

    with pytest.raises(CssmUnavailable, match="does not list New"):
        virtual_accounts.create(ANNA, account, "New")
    with pytest.raises(CssmUnavailable, match="still lists Pool"):
        virtual_accounts.delete(ANNA, pool)

    pool.refresh_from_db()
    assert (VirtualAccount.objects.count(), pool.gone_at) == (1, None)


def test_one_with_clusters_is_not_deleted_over_any_way(
    account: SmartAccount, emulator: EmulatorThread, acme: Partner, client_of: Any, api_of: Any
) -> None:
    pool = make.make_virtual_account(smart_account=account, name="Pool")
    place = make.make_assignment(virtual_account=pool)
    words = f"{place.cluster} of {place.cluster.customer} is assigned to Pool: end that first."
    address = f"/virtual-accounts/{pool.pk}/delete/"

    with pytest.raises(Refusal):
        virtual_accounts.delete(ANNA, pool)
    shown, posted = client_of(acme, "operator").get(address), client_of(acme, "operator").post(address)
    refused = api_of(acme).delete(f"/api/v1/virtual-accounts/{pool.pk}/")

    assert "Pool" in listed(emulator)
    assert words in page(shown)
    assert removal.CLOUD_STEPS[0] in page(shown)
    assert "Delete at Cisco" not in page(shown)
    assert (posted.status_code, refused.status_code) == (409, 409)
    assert (refused.json()["blockers"], refused.json()["steps"]) == ([words], list(removal.CLOUD_STEPS))


def test_page_and_worker_make_one(
    account: SmartAccount, acme: Partner, client_of: Any, emulator: EmulatorThread
) -> None:
    client = client_of(acme, "operator")

    asked = client.post("/virtual-accounts/add/", {"smart_account": account.pk, "name": "New", "description": ""})
    address = asked["Location"]
    waiting = page(client.get(address))
    carry_out(address.split("/")[-2], "create_virtual_account", account=account.pk, name="New", description="")
    done = page(client.get(address, HTTP_HX_REQUEST="true"))

    assert "Waiting for Cisco" in waiting
    assert "New was made, and Cisco lists it." in done
    assert client_of(acme, "owner").get(address).status_code == 403
    assert "New" in listed(emulator)


def test_rest_and_worker_make_and_delete_one(
    account: SmartAccount, acme: Partner, api_of: Any, emulator: EmulatorThread
) -> None:
    api = api_of(acme)

    begun = api.post("/api/v1/virtual-accounts/", {"smart_account": account.pk, "name": "New"})
    carry_out(begun.json()["key"], "create_virtual_account", account=account.pk, name="New", description="")
    made = api.get(begun.json()["url"]).json()
    leaving = api.delete(f"/api/v1/virtual-accounts/{made['row']}/")
    carry_out(leaving.json()["key"], "delete_virtual_account", pool=made["row"])

    assert (begun.status_code, leaving.status_code, made["state"]) == (202, 202, "done")
    assert api.get(leaving.json()["url"]).json()["state"] == "done"
    assert api.get(f"/api/v1/virtual-accounts/{made['row']}/").json()["gone_at"]
    assert "New" not in listed(emulator)


def test_viewers_and_paused_accounts_make_none(
    account: SmartAccount, acme: Partner, client_of: Any, api_of: Any
) -> None:
    SmartAccount.objects.update(paused_at="2026-01-01T00:00Z")
    body = {"smart_account": account.pk, "name": "New"}

    assert client_of(acme, "viewer").post("/virtual-accounts/add/", body).status_code == 403
    assert api_of(acme, "viewer").post("/api/v1/virtual-accounts/", body).status_code == 403
    assert "is paused" in api_of(acme).post("/api/v1/virtual-accounts/", body).json()["detail"]
    assert User.objects.exists()
