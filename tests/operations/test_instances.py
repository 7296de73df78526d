"""Removing and moving product instances at Cisco, over real HTTP: verified by reading back, on bad days too."""

from typing import Any

import pytest
from django_tenants.utils import tenant_context

from kit.refusals import Refusal
from licensing.accounts.models import SmartAccount
from licensing.cisco.emulator.server import EmulatorThread
from licensing.cisco.emulator.state import Account
from licensing.cisco.errors import CssmError, CssmRefused, CssmUnavailable
from licensing.mirror.models import ProductInstance, SyncRun, VirtualAccount
from licensing.mirror.sync.runs import request as request_sync
from licensing.operations import product_instances, requests, tasks
from licensing.operations.syncing import run_sync
from people.audit import SYSTEM
from people.models import AuditEntry, User
from tenants.models import Partner
from tests import factories as make
from tests.fixtures import ENHANCED


@pytest.fixture
def instance(account: SmartAccount, cisco: Account) -> ProductInstance:
    """Mirrored from the emulator: in DEFAULT, beside another one."""
    run_sync(request_sync(account, "test")[0])
    return found("00001")


def found(serial: str) -> ProductInstance:
    rows = ProductInstance.objects.select_related("virtual_account__smart_account__license_server")
    return rows.get(serial=serial)


@pytest.fixture
def lab(instance: ProductInstance) -> VirtualAccount:
    return VirtualAccount.objects.get(name="R&D / Lab")


def places(cisco: Account) -> dict[str, str]:
    return {raw["sudi"]["udiSerialNumber"]: raw["virtualAccount"] for raw in cisco.devices}


def carry_out(key: str, action: str, instance: ProductInstance, **asked: Any) -> None:
    """What the worker does with the message."""
    tasks.carry_out_request(key, action, {"instance": instance.pk, **asked})


def audited() -> list[tuple[str, Any]]:
    rows = AuditEntry.objects.filter(object_type="productinstance").order_by("id")
    return list(rows.values_list("action", "changes"))


def test_removal_takes_that_instance_and_no_other(instance: ProductInstance, cisco: Account) -> None:
    product_instances.remove(SYSTEM, instance)

    assert places(cisco) == {"00002": "DEFAULT", "00003": "R&D / Lab"}
    assert audited() == [("removed at Cisco", {"virtual_account": ["DEFAULT", ""]})]
    assert found("00001").gone_at is None  # the mirror is the next sync's


def test_transfer_moves_it(instance: ProductInstance, lab: VirtualAccount, cisco: Account) -> None:
    product_instances.transfer(SYSTEM, instance, lab)

    assert places(cisco) == {"00001": "R&D / Lab", "00002": "DEFAULT", "00003": "R&D / Lab"}
    assert audited() == [("moved at Cisco", {"virtual_account": ["DEFAULT", "R&D / Lab"]})]


def test_lost_answer_is_read_back_and_found_done(
    instance: ProductInstance, lab: VirtualAccount, cisco: Account, emulator: EmulatorThread
) -> None:
    emulator.scenario("lost-answers")
    product_instances.transfer(SYSTEM, instance, lab)
    product_instances.remove(SYSTEM, found("00002"))

    assert places(cisco) == {"00001": "R&D / Lab", "00003": "R&D / Lab"}
    assert len(audited()) == 2


@pytest.mark.parametrize(
    ("scenario", "kind", "words"),
    [
        ("lost-writes", CssmUnavailable, "is still listed in DEFAULT"),
        ("item-failures", CssmRefused, "Cisco refused it: The item could not be processed"),
        ("no-role", CssmRefused, "refused access"),
    ],
)
def test_what_was_not_done_is_said_and_not_repeated(
    instance: ProductInstance,
    cisco: Account,
    emulator: EmulatorThread,
    scenario: str,
    kind: type[CssmError],
    words: str,
) -> None:
    emulator.scenario(scenario)

    with pytest.raises(kind, match=words) as error:
        product_instances.remove(SYSTEM, instance)

    assert error.value.next_step
    assert places(cisco)["00001"] == "DEFAULT"
    assert audited() == []


def test_instance_that_is_not_listed_any_more_is_refused(instance: ProductInstance, cisco: Account) -> None:
    cisco.devices.clear()

    with pytest.raises(Refusal, match="does not list"):
        product_instances.remove(SYSTEM, instance)


def test_restricted_license_in_use_stops_the_removal(instance: ProductInstance, cisco: Account) -> None:
    cisco.set_license("DEFAULT", ENHANCED, exportRestricted=True)

    with pytest.raises(Refusal, match="uses export-restricted licenses: UC Manager Enhanced"):
        product_instances.remove(SYSTEM, instance)

    assert places(cisco)["00001"] == "DEFAULT"


def test_reserved_instance_needs_its_return_code(instance: ProductInstance, cisco: Account) -> None:
    cisco.devices[0]["status"] = instance.status = "Registered - Specific License Reservation"
    with pytest.raises(Refusal, match="asks for a return code") as refusal:
        product_instances.remove(SYSTEM, instance)
    product_instances.remove(SYSTEM, instance, "CODE-1")

    assert refusal.value.field == "return_code"
    assert "00001" not in places(cisco)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "is in DEFAULT already"),
        ({"gone_at": "2026-01-01T00:00Z"}, "Cisco no longer lists"),
        ({"purpose": "ordered"}, "is the ordered pool"),
        ({"smart_account": None}, "belongs to another smart account"),
    ],
)
def test_targets_that_cannot_be(instance: ProductInstance, values: dict[str, Any], words: str) -> None:
    account = instance.virtual_account.smart_account
    target = instance.virtual_account
    if values:
        owner = values.pop("smart_account", account) or make.make_smart_account()
        target = make.make_virtual_account(smart_account=owner, **values)

    with pytest.raises(Refusal, match=words) as refusal:
        product_instances.check_transfer(instance, target)

    assert refusal.value.field == "virtual_account"


def test_gone_instance_and_paused_account_are_refused(instance: ProductInstance, account: SmartAccount) -> None:
    instance.virtual_account.smart_account.paused_at = instance.registered_at
    with pytest.raises(Refusal, match="is paused"):
        product_instances.check_removal(instance)
    instance.gone_at = instance.registered_at
    with pytest.raises(Refusal, match="no longer lists"):
        product_instances.check_removal(instance)


# --- a device that was replaced (docs/domain.md#I4) ---


def test_replacement_hands_over_and_removes(instance: ProductInstance, cisco: Account) -> None:
    cluster = make.make_cluster()
    ProductInstance.objects.filter(pk=instance.pk).update(cluster=cluster, note="In the cellar.")

    product_instances.replace(SYSTEM, found("00001"), found("00003"))

    successor = found("00003")
    assert (successor.cluster, successor.cluster_by_hand, successor.note) == (cluster, True, "In the cellar.")
    assert places(cisco) == {"00002": "DEFAULT", "00003": "R&D / Lab"}
    assert [entry[0] for entry in audited()] == ["removed at Cisco", "changed", "changed"]


def test_nothing_is_handed_over_when_cisco_does_not_remove(instance: ProductInstance, emulator: EmulatorThread) -> None:
    ProductInstance.objects.filter(pk=instance.pk).update(cluster=make.make_cluster(), note="In the cellar.")
    emulator.scenario("item-failures")

    with pytest.raises(CssmRefused):
        product_instances.replace(SYSTEM, found("00001"), found("00003"))

    assert (found("00003").cluster, found("00003").note) == (None, "")


def test_one_that_is_gone_is_only_handed_over(
    instance: ProductInstance, cisco: Account, client_of: Any, acme: Partner
) -> None:
    cluster = make.make_cluster()
    ProductInstance.objects.filter(pk=instance.pk).update(cluster=cluster, gone_at=instance.registered_at)
    asked = client_of(acme, "operator").get(f"/product-instances/{instance.pk}/replace/").content.decode()

    product_instances.replace(SYSTEM, found("00001"), found("00003"))

    assert "Hand over</button>" in asked
    assert "nothing is removed there" in asked
    assert found("00003").cluster == cluster
    assert [entry[0] for entry in audited()] == ["changed"]
    assert len(places(cisco)) == 3


@pytest.mark.parametrize("case", ["itself", "gone", "elsewhere", "decided"])
def test_successors_that_cannot_be(instance: ProductInstance, case: str) -> None:
    instance.cluster = make.make_cluster()
    successor = {
        "itself": lambda: instance,
        "gone": lambda: make.make_instance(virtual_account=instance.virtual_account, gone_at=instance.registered_at),
        "elsewhere": make.make_instance,
        "decided": lambda: make.make_instance(
            virtual_account=instance.virtual_account, cluster=make.make_cluster(), cluster_by_hand=True
        ),
    }[case]()

    with pytest.raises(Refusal) as refusal:
        product_instances.check_replacement(instance, successor)

    assert refusal.value.field == "successor"


def test_page_and_rest_replace(
    instance: ProductInstance, cisco: Account, client_of: Any, api_of: Any, acme: Partner, globex: Partner
) -> None:
    with tenant_context(globex):
        foreign = make.make_instance(id=990_002)
    successor, client = found("00002"), client_of(acme, "operator")
    path = f"/product-instances/{instance.pk}/replace/"
    asked = client.get(path).content.decode()
    strange = client.post(path, {"successor": foreign.pk})
    over_rest = api_of(acme, "operator").post(f"/api/v1{path}", {"successor": foreign.pk})
    response = client.post(path, {"successor": successor.pk, "return_code": ""})
    key = response["Location"].strip("/").rpartition("/")[2]
    carry_out(key, "replace", instance, successor=successor.pk, return_code="")

    assert "takes over its cluster" in asked
    assert (strange.status_code, over_rest.status_code) == (422, 400)
    assert list(over_rest.json()["errors"]) == ["successor"]
    assert "has taken over its cluster" in client.get(response["Location"]).content.decode()
    assert client_of(acme, "viewer").get(path).status_code == 403
    again = api_of(acme, "operator").post(f"/api/v1{path}", {"successor": successor.pk})
    assert (again.status_code, again.json()["what"]) == (202, "replace")


# --- page, worker, answer ---


def user(role: str = "operator") -> User:
    return User.objects.get(role=role)


def test_worker_removes_tells_and_syncs(instance: ProductInstance, cisco: Account) -> None:
    key = requests.start(user(), requests.REMOVE_INSTANCE, instance=instance, return_code="").key
    carry_out(key, "remove", instance, return_code="")
    carry_out(key, "remove", instance, return_code="")  # the message comes twice

    asked = requests.find(key)
    assert (asked and asked.state, places(cisco).get("00001")) == ("done", None)
    assert [entry[0] for entry in audited()] == ["removed at Cisco"]
    assert SyncRun.objects.filter(status="queued", requested_by="portal").count() == 1


def test_worker_tells_why_it_failed(
    instance: ProductInstance, lab: VirtualAccount, cisco: Account, emulator: EmulatorThread
) -> None:
    key = requests.start(user(), requests.TRANSFER_INSTANCE, instance=instance, target=lab).key
    emulator.scenario("item-failures")
    carry_out(key, "transfer", instance, target=lab.pk)

    asked = requests.find(key)
    assert asked is not None
    assert (asked.state, asked.message) == ("failed", "Cisco refused it: The item could not be processed.")


def test_pages_ask_queue_and_answer(
    instance: ProductInstance, lab: VirtualAccount, cisco: Account, client_of: Any, acme: Partner
) -> None:
    client = client_of(acme, "operator")
    path = f"/product-instances/{instance.pk}/transfer/"
    asked = client.get(path).content.decode()
    refused = client.post(path, {"virtual_account": ""})
    response = client.post(path, {"virtual_account": lab.pk})
    key = response["Location"].strip("/").rpartition("/")[2]
    waiting = client.get(response["Location"]).content.decode()
    carry_out(key, "transfer", instance, target=lab.pk)
    told = client.get(response["Location"]).content.decode()

    assert "no licenses do" in asked
    assert refused.status_code == 422
    assert "Waiting for Cisco" in waiting
    assert "It was moved, and Cisco lists it in the other virtual account." in told
    assert client_of(acme, "owner").get(response["Location"]).status_code == 403


def test_page_refuses_in_words_and_keeps_what_was_typed(
    instance: ProductInstance, client_of: Any, acme: Partner
) -> None:
    ProductInstance.objects.filter(pk=instance.pk).update(status="Registered - Specific License Reservation")

    response = client_of(acme, "operator").post(f"/product-instances/{instance.pk}/remove/", {"return_code": " "})

    assert response.status_code == 409
    assert "asks for a return code" in response.content.decode()


def test_pages_without_broker_or_role(
    instance: ProductInstance, client_of: Any, acme: Partner, no_broker: None
) -> None:
    path = f"/product-instances/{instance.pk}/remove/"

    assert client_of(acme, "viewer").post(path).status_code == 403
    assert "message broker does not answer" in client_of(acme, "operator").post(path).content.decode()


def test_assigned_cluster_is_named_before_anything_is_done(
    instance: ProductInstance, client_of: Any, acme: Partner
) -> None:
    assignment = make.make_assignment(virtual_account=instance.virtual_account)
    ProductInstance.objects.filter(pk=instance.pk).update(cluster=assignment.cluster, cluster_by_hand=True)

    shown = client_of(acme, "operator").get(f"/product-instances/{instance.pk}/remove/").content.decode()

    assert f"{assignment.cluster} stays assigned to DEFAULT" in shown


# --- REST ---


def test_rest_answers_a_request_for_who_asked(
    instance: ProductInstance, lab: VirtualAccount, cisco: Account, api_of: Any, acme: Partner
) -> None:
    api = api_of(acme, "operator")
    begun = api.post(f"/api/v1/product-instances/{instance.pk}/transfer/", {"virtual_account": lab.pk})
    carry_out(begun.json()["key"], "transfer", instance, target=lab.pk)
    told = api.get(f"/api/v1/errands/{begun.json()['key']}/")

    assert (begun.status_code, begun.json()["state"]) == (202, "waiting")
    assert (told.json()["state"], told.json()["what"], begun.json()["url"]) == (
        "done",
        "transfer",
        f"http://acme.localhost/api/v1/errands/{begun.json()['key']}/",
    )
    assert api_of(acme, "owner").get(f"/api/v1/errands/{begun.json()['key']}/").status_code == 404


def test_rest_refuses_as_the_page_does(instance: ProductInstance, api_of: Any, acme: Partner, globex: Partner) -> None:
    with tenant_context(globex):
        other = make.make_virtual_account(id=990_001)
    path = f"/api/v1/product-instances/{instance.pk}"
    api = api_of(acme, "operator")
    same = api.post(f"{path}/transfer/", {"virtual_account": instance.virtual_account_id})
    others = api.post(f"{path}/transfer/", {"virtual_account": other.pk})
    ProductInstance.objects.filter(pk=instance.pk).update(status="Registered - Universal License Reservation")
    reserved = api.post(f"{path}/remove/", {})

    assert (same.status_code, list(same.json()["errors"])) == (400, ["virtual_account"])
    assert (others.status_code, list(others.json()["errors"])) == (400, ["virtual_account"])
    assert (reserved.status_code, list(reserved.json()["errors"])) == (400, ["return_code"])
    assert api_of(acme, "viewer").post(f"{path}/remove/", {}).status_code == 403
    assert api_of(acme, "operator", "read").post(f"{path}/transfer/", {}).status_code == 403
