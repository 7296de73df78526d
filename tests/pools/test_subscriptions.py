"""The subscription mapper: found by sync, mapped to one customer and a license model by people, at every door."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django_tenants.utils import tenant_context

from kit.refusals import Refusal
from licensing.accounts.models import SmartAccount
from licensing.cisco.emulator.state import Account
from licensing.mirror.models import Subscription
from licensing.mirror.sync import runs
from licensing.operations import syncing
from licensing.pools import subscriptions
from people.audit import SYSTEM
from people.models import AuditEntry
from tenants.models import Partner
from tests import factories as make
from tests.fixtures import ENHANCED
from tests.wire import term_line


def text(response: Any) -> str:
    return str(response.content.decode())


def known() -> list[tuple[str, str]]:
    return list(Subscription.objects.values_list("subscription_id", "license_model"))


def test_sync_finds_subscriptions_once_and_leaves_what_people_decided(account: SmartAccount, cisco: Account) -> None:
    def synced() -> None:
        run, _ = runs.request(account, "test")
        assert syncing.run_sync(run).status == "succeeded"

    synced()
    found = Subscription.objects.get()
    subscriptions.map_to(SYSTEM, found, make.make_customer(name="Harbor"), "named_user", "as ordered")
    held = (("Sub1", 10), ("Sub2", 20))
    lines = [term_line(quantity, endDate="2027-06-01", subscriptionId=name) for name, quantity in held]
    cisco.set_license("DEFAULT", ENHANCED, quantity=30, licenseDetails=lines)
    synced()

    assert known() == [("Sub1", "named_user"), ("Sub2", "")]
    found.refresh_from_db()
    assert (str(found.customer), found.note) == ("Harbor", "as ordered")


@pytest.mark.parametrize(
    ("customer", "model", "field"), [(True, "perpetual", "customer"), (False, "nonsense", "license_model")]
)
def test_mapping_that_breaks_a_rule_is_refused(acme: Partner, customer: bool, model: str, field: str) -> None:
    found = make.make_subscription()

    with pytest.raises(Refusal) as refused:
        subscriptions.map_to(SYSTEM, found, make.make_customer() if customer else None, model)

    assert (refused.value.field, AuditEntry.objects.count()) == (field, 0)


@pytest.mark.parametrize("door", ["page", "rest", "admin"])
def test_every_door_maps_and_writes_it_down(acme: Partner, client_of: Any, api_of: Any, door: str) -> None:
    found, customer = make.make_subscription(subscription_id="Sub7"), make.make_customer(name="Harbor")
    form = {"customer": customer.pk, "license_model": "enterprise_agreement", "note": "three years"}

    if door == "page":
        client_of(acme, "operator").post(f"/subscriptions/{found.pk}/edit/", form)
    elif door == "rest":
        assert api_of(acme, "operator").patch(f"/api/v1/subscriptions/{found.pk}/", form).status_code == 200
    else:
        client_of(acme, "owner").post(reverse("admin:mirror_subscription_change", args=[found.pk]), form)

    found.refresh_from_db()
    assert (found.customer, found.license_model, found.note) == (customer, "enterprise_agreement", "three years")
    entry = AuditEntry.objects.get(object_type="subscription")
    assert (entry.action, entry.object_label) == ("mapped", "Sub7")
    assert entry.changes["license_model"] == ["", "enterprise_agreement"]


@pytest.mark.parametrize("door", ["page", "rest", "admin"])
def test_every_door_says_why_perpetual_has_no_customer(acme: Partner, client_of: Any, api_of: Any, door: str) -> None:
    found = make.make_subscription()
    form = {"customer": make.make_customer().pk, "license_model": "perpetual", "note": "kept"}

    if door == "page":
        answer = client_of(acme, "operator").post(f"/subscriptions/{found.pk}/edit/", form)
    elif door == "rest":
        answer = api_of(acme, "operator").patch(f"/api/v1/subscriptions/{found.pk}/", form)
    else:
        answer = client_of(acme, "owner").post(reverse("admin:mirror_subscription_change", args=[found.pk]), form)

    assert "Perpetual licenses belong to the partner" in text(answer)
    found.refresh_from_db()
    assert (found.customer, found.license_model) == (None, "")


def test_rest_changes_one_member_and_leaves_the_others(acme: Partner, api_of: Any) -> None:
    customer = make.make_customer()
    found = make.make_subscription(customer=customer, license_model="named_user", note="kept")
    api = api_of(acme, "operator")

    answer = api.patch(f"/api/v1/subscriptions/{found.pk}/", {"license_model": "named_user_perpetual"})
    taken = api.patch(f"/api/v1/subscriptions/{found.pk}/", {"customer": None})

    assert {**answer.json(), "first_seen_at": ""} == {
        "id": found.pk,
        "smart_account": found.smart_account_id,
        "subscription_id": found.subscription_id,
        "customer": customer.pk,
        "license_model": "named_user_perpetual",
        "note": "kept",
        "first_seen_at": "",
    }
    assert taken.json()["customer"] is None
    assert api.post("/api/v1/subscriptions/", {}).status_code == 405
    assert api.patch(f"/api/v1/subscriptions/{found.pk}/", {"subscription_id": "x"}).status_code == 400


def test_viewer_maps_nothing_and_the_other_partner_is_not_reached(
    acme: Partner, globex: Partner, client_of: Any, api_of: Any
) -> None:
    found = make.make_subscription()
    with tenant_context(globex):
        theirs = make.make_subscription(id=found.pk + 999)

    assert client_of(acme, "viewer").post(f"/subscriptions/{found.pk}/edit/", {}).status_code == 403
    assert api_of(acme, "viewer").patch(f"/api/v1/subscriptions/{found.pk}/", {}).status_code == 403
    assert client_of(acme, "owner").get(f"/subscriptions/{theirs.pk}/").status_code == 404
    assert api_of(acme).patch(f"/api/v1/subscriptions/{theirs.pk}/", {"note": "x"}).status_code == 404


def test_list_shows_what_each_holds_and_sorts_by_the_next_end(acme: Partner, client_of: Any) -> None:
    account = make.make_smart_account()
    today = timezone.localdate()
    for purpose, days in (("ordered", 40), ("operational", 9), ("general", -3)):
        pool = make.make_virtual_account(smart_account=account, purpose=purpose)
        held = make.make_license(virtual_account=pool)
        make.make_line(license=held, subscription_id="SubA", quantity=7, end=today + timedelta(days=days))
    make.make_line(license=held, subscription_id="SubB", quantity=1, end=today + timedelta(days=5))
    elsewhere = make.make_license()  # the same id in another account is another subscription
    make.make_line(license=elsewhere, subscription_id="SubA", quantity=99)
    for name in ("SubA", "SubB", "SubC"):
        make.make_subscription(smart_account=account, subscription_id=name)
    client = client_of(acme, "viewer")

    rows = [row.record for row in client.get("/subscriptions/", {"sort": "ends"}).context["table"].rows]

    assert [row.subscription_id for row in rows] == ["SubB", "SubA", "SubC"]
    assert [(row.ordered, row.operational, row.elsewhere) for row in rows] == [(0, 0, 1), (7, 7, 7), (0, 0, 0)]
    assert rows[1].next_end == today + timedelta(days=9)
    assert "3</strong> subscriptions" in text(client.get("/subscriptions/"))
    assert text(client.get("/subscriptions/")).count('<span class="muted">not set</span>') == 3


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"mapped": "no"}, ["None"]),
        ({"mapped": "yes"}, ["Harbor", "Own"]),
        ({"license_model": "unset"}, ["None"]),
        ({"license_model": "perpetual"}, ["Own"]),
        ({"q": "harb"}, ["Harbor"]),
        ({"ends": "90"}, ["Harbor"]),
    ],
)
def test_filters(acme: Partner, client_of: Any, query: dict[str, str], names: list[str]) -> None:
    account = make.make_smart_account()
    make.make_subscription(smart_account=account, subscription_id="None")
    make.make_subscription(smart_account=account, subscription_id="Own", license_model="perpetual")
    customer = make.make_customer(name="Harbor Hospital")
    make.make_subscription(
        smart_account=account, subscription_id="Harbor", customer=customer, license_model="named_user"
    )
    held = make.make_license(virtual_account=make.make_virtual_account(smart_account=account))
    make.make_line(license=held, subscription_id="Harbor", end=timezone.localdate() + timedelta(days=30))

    rows = client_of(acme, "viewer").get("/subscriptions/", query).context["table"].rows

    assert sorted(row.record.subscription_id for row in rows) == names


def test_subscription_shows_its_lines(acme: Partner, client_of: Any) -> None:
    pool = make.make_virtual_account(name="va-operational")
    held = make.make_license(virtual_account=pool, name="Basic")
    make.make_line(license=held, subscription_id="SubA", quantity=7, order_number="8812")
    found = make.make_subscription(smart_account=pool.smart_account, subscription_id="SubA", license_model="perpetual")

    answer = text(client_of(acme, "viewer").get(f"/subscriptions/{found.pk}/"))

    for part in ("Basic", "va-operational", "8812", "the partner", "HCS perpetual"):
        assert part in answer, part


def test_lists_take_the_same_statements_for_one_row_and_for_three(acme: Partner, client_of: Any, api_of: Any) -> None:
    client, api, taken = client_of(acme, "viewer"), api_of(acme), []
    api.get("/api/v1/subscriptions/")  # writes down that the token was used
    for number in (1, 2):
        for _ in range(number):
            row = make.make_subscription(customer=make.make_customer(), license_model="named_user")
            pool = make.make_virtual_account(smart_account=row.smart_account)
            make.make_line(license=make.make_license(virtual_account=pool), subscription_id=row.subscription_id)
        for door, address in ((client, "/subscriptions/"), (api, "/api/v1/subscriptions/")):
            with CaptureQueriesContext(connection) as queries:
                assert door.get(address).status_code == 200
            taken.append(len(queries))

    assert taken[:2] == taken[2:]
