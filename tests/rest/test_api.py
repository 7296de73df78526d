"""REST: its shape, its rules and its refusals."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_tenants.utils import tenant_context

from licensing.accounts.models import SmartAccount
from licensing.alerts.models import AlertRule
from licensing.assignments.models import Assignment
from licensing.fleet.models import Cluster, Customer
from licensing.mirror.models import SyncRun
from people.models import AuditEntry, User
from tenants.models import Partner
from tests import factories as make

MEMBERS = {
    "license-servers": "id name kind api_base_url token_url client_id version",
    "smart-accounts": "id license_server domain name client_id last_synced_at",
    "virtual-accounts": "id smart_account name description is_default purpose license_mode gone_at",
    "licenses": "id virtual_account name quantity in_use available reserved status lines substitutions as_of gone_at",
    "product-instances": "id virtual_account name host_name udi_pid serial uuid status registered_at last_contact_at "
    "usage cluster as_of gone_at",
    "registration-tokens": "id virtual_account description expires_at created_by export_controlled gone_at",
    "usage": "id license license_name quantity product_instance host_name virtual_account virtual_account_name "
    "smart_account smart_account_name cluster cluster_name customer customer_name as_of",
    "customers": "id name",
    "clusters": "id customer name application version nodes",
    "assignments": "id cluster virtual_account started_at ended_at job",
    "assignment-jobs": "id kind state cluster virtual_account assignment batch requested_by stages",
    "assignment-batches": "id name kind virtual_account clusters window_start window_end state approved_by",
    "sync-runs": "id smart_account status started_at finished_at progress counts cause",
    "alerts": "id kind severity state subject summary opened_at closed_at due_at",
    "alert-rules": "id kind enabled threshold severity",
    "channels": "id name kind state recipients min_severity kinds smart_accounts zone dead_since",
    "deliveries": "id uuid message channel recipient subject state attempts",
}
MAKERS: dict[str, Any] = {
    "license-servers": make.make_server,
    "smart-accounts": make.make_smart_account,
    "virtual-accounts": make.make_virtual_account,
    "licenses": lambda: make.make_line(license=make.make_license()),
    "product-instances": lambda: make.make_instance({"A": 1, "B": 2}),
    "registration-tokens": make.make_token,
    "usage": lambda: make.make_instance({"A": 2}, cluster=make.make_cluster()),
    "customers": make.make_customer,
    "clusters": make.make_cluster,
    "assignments": make.make_assignment,
    "assignment-jobs": make.make_assignment_job,
    "assignment-batches": make.make_batch,
    "sync-runs": make.make_sync_run,
    "alerts": make.make_alert,
}
STATEMENTS = {
    "assignment-jobs": 2,
    "assignment-batches": 2,
    "licenses": 2,
    "product-instances": 2,
    "clusters": 2,
}  # the rows and their parts


@pytest.mark.parametrize("collection", MAKERS)
def test_list_has_its_members_and_a_fixed_number_of_queries(
    acme: Partner, globex: Partner, api_of: Any, collection: str
) -> None:
    api = api_of(acme, "viewer", "read")
    api.get(f"/api/v1/{collection}/")
    counts = []
    for rows in (1, 2):
        for _ in range(rows):
            MAKERS[collection]()
        with CaptureQueriesContext(connection) as queries:
            answer = api.get(f"/api/v1/{collection}/")
        counts.append(len([query for query in queries if "search_path" not in query["sql"]]))

    assert set(answer.json()) == {"next", "previous", "results"}
    assert len(answer.json()["results"]) == 3
    assert set(MEMBERS[collection].split()) - set(answer.json()["results"][0]) == set()
    assert counts == [STATEMENTS.get(collection, 1) + 2] * 2  # the host and the token
    assert api_of(globex).get(f"/api/v1/{collection}/").json()["results"] == []


def test_pages_by_cursor_show_every_row_once(acme: Partner, api_of: Any) -> None:
    made = [make.make_customer().pk for _ in range(7)]
    api, url, seen = api_of(acme), "/api/v1/customers/?limit=3", []
    while url:
        answer = api.get(url).json()
        seen += [row["id"] for row in answer["results"]]
        url = answer["next"]

    assert seen == made


def test_pages_lead_back(acme: Partner, api_of: Any) -> None:
    made = [make.make_customer().pk for _ in range(5)]
    api = api_of(acme)

    first = api.get("/api/v1/customers/?limit=2").json()
    second = api.get(first["next"]).json()
    third = api.get(second["next"]).json()
    back = api.get(third["previous"]).json()

    shown = [[row["id"] for row in page["results"]] for page in (first, second, third, back)]
    assert shown == [made[:2], made[2:4], made[4:], made[2:4]]
    assert (first["previous"], third["next"]) == (None, None)
    assert back["next"] is not None
    assert api.get(back["previous"]).json()["results"] == first["results"]
    assert first["next"].startswith("http://acme.localhost/api/v1/customers/?")


def test_pages_keep_their_filters_and_what_comes_and_goes_shifts_nothing(acme: Partner, api_of: Any) -> None:
    pool = make.make_virtual_account()
    made = [make.make_license(virtual_account=pool) for _ in range(4)]
    make.make_license()
    api = api_of(acme)

    first = api.get(f"/api/v1/licenses/?virtual_account={pool.pk}&limit=2").json()
    made[0].delete()
    added = make.make_license(virtual_account=pool)
    rest = api.get(first["next"].replace("limit=2", "limit=1000")).json()

    assert [row["id"] for row in rest["results"]] == [made[2].pk, made[3].pk, added.pk]


@pytest.mark.parametrize(("query", "rows"), [("", 100), ("?limit=1000", 1000), ("?limit=5000", 1000)])
def test_a_page_has_at_most_a_thousand_rows(acme: Partner, api_of: Any, query: str, rows: int) -> None:
    Customer.objects.bulk_create(Customer(name=f"Customer {number}") for number in range(1001))

    answer = api_of(acme).get(f"/api/v1/customers/{query}").json()

    assert (len(answer["results"]), answer["next"] is None) == (rows, False)


# Collections whose members have tests of their own.
ELSEWHERE = (
    "growth",
    "orders",
    "overages",
    "positions",
    "prices",
    "statements",
    "subscriptions",
    "transfer-plans",
    "worklist",
)


def test_root_lists_the_collections(acme: Partner, api_of: Any) -> None:
    answer = api_of(acme, "viewer", "read").get("/api/v1/").json()

    assert answer == {name: f"http://acme.localhost/api/v1/{name}/" for name in {*MEMBERS, *ELSEWHERE}}


def test_gone_rows_are_listed_tell_when_and_can_be_left_out(acme: Partner, api_of: Any) -> None:
    here, gone = make.make_license(), make.make_license(gone_at="2026-01-02T03:04:05Z")
    api = api_of(acme)

    found = {
        query: [row["id"] for row in api.get(f"/api/v1/licenses/{query}").json()["results"]]
        for query in ("", "?gone=true", "?gone=false")
    }

    assert found == {"": [here.pk, gone.pk], "?gone=true": [gone.pk], "?gone=false": [here.pk]}
    assert api.get(f"/api/v1/licenses/{gone.pk}/").json()["as_of"] == "2026-01-02T03:04:05Z"


def test_alerts_filter_by_state(acme: Partner, api_of: Any) -> None:
    opened, closed = make.make_alert(), make.make_alert(closed_at=timezone.now())

    found = {
        state: [row["id"] for row in api_of(acme).get(f"/api/v1/alerts/?state={state}").json()["results"]]
        for state in ("open", "closed")
    }

    assert found == {"open": [opened.pk], "closed": [closed.pk]}


def test_links_filter(acme: Partner, api_of: Any) -> None:
    one, _ = make.make_license(), make.make_license()

    answer = api_of(acme).get(f"/api/v1/licenses/?virtual_account={one.virtual_account_id}").json()

    assert [row["id"] for row in answer["results"]] == [one.pk]
    assert api_of(acme).get("/api/v1/licenses/?virtual_account=many").status_code == 400


def test_license_tells_lines_and_age(acme: Partner, api_of: Any) -> None:
    line = make.make_line(quantity=7)
    account = line.license.virtual_account.smart_account

    shown = api_of(acme).get(f"/api/v1/licenses/{line.license_id}/").json()

    assert shown["lines"] == [
        {
            "type": "TERM",
            "quantity": 7,
            "start": str(line.start),
            "end": str(line.end),
            "subscription_id": line.subscription_id,
            "status": "ACTIVE",
        }
    ]
    assert shown["as_of"] == account.last_synced_at.isoformat().replace("+00:00", "Z")


def test_usage_links_its_license(acme: Partner, api_of: Any) -> None:
    license_ = make.make_license()
    instance = make.make_instance({license_.name: 4, "unlisted": 1}, virtual_account=license_.virtual_account)

    shown = api_of(acme).get(f"/api/v1/product-instances/{instance.pk}/").json()

    assert shown["usage"] == [
        {"license": license_.pk, "license_name": license_.name, "quantity": 4},
        {"license": None, "license_name": "unlisted", "quantity": 1},
    ]


@pytest.mark.parametrize(
    ("role", "scope", "statuses"),
    [
        ("viewer", "write", {"customers": 403, "license-servers": 403}),
        ("operator", "read", {"customers": 403, "license-servers": 403}),
        ("operator", "write", {"customers": 201, "license-servers": 403}),
        ("owner", "write", {"customers": 201, "license-servers": 201}),
        ("owner", "read", {"customers": 403, "license-servers": 403}),
    ],
)
def test_role_and_scope_decide(acme: Partner, api_of: Any, role: str, scope: str, statuses: dict[str, int]) -> None:
    bodies = {
        "customers": {"name": "Harbor"},
        "license-servers": {
            "name": "Cloud",
            "kind": "cloud",
            "api_base_url": "https://203.0.114.9/x",
            "token_url": "https://203.0.114.9/t",
            "client_id": "a",
            "client_secret": "b",
        },
    }
    api = api_of(acme, role, scope)

    assert {name: api.post(f"/api/v1/{name}/", body).status_code for name, body in bodies.items()} == statuses


def test_without_a_good_token_it_is_401_with_the_scheme(acme: Partner, api_of: Any) -> None:
    nobody = api_of(acme, None)
    answers = [nobody.get("/api/v1/licenses/")]
    nobody.credentials(HTTP_AUTHORIZATION="Bearer slp_made-up")
    answers.append(nobody.get("/api/v1/licenses/"))

    assert [answer.status_code for answer in answers] == [401, 401]
    assert [answer["WWW-Authenticate"] for answer in answers] == ["Bearer", "Bearer"]
    assert [answer["Content-Type"] for answer in answers] == ["application/problem+json"] * 2


def test_customer_is_made_changed_and_deleted_with_audit(acme: Partner, api_of: Any) -> None:
    api = api_of(acme, "operator")

    made = api.post("/api/v1/customers/", {"name": "Harbor", "proxy_host": "proxy.example", "proxy_port": 3128}).json()
    api.patch(f"/api/v1/customers/{made['id']}/", {"name": "Harbour", "proxy_password": "secret"})

    assert api.get(f"/api/v1/customers/{made['id']}/").json() == {
        "id": made["id"],
        "tags": [],
        "name": "Harbour",
        "note": "",
        "proxy_host": "proxy.example",
        "proxy_port": 3128,
        "proxy_username": "",
    }
    assert Customer.objects.get().proxy.password.reveal() == "secret"
    assert api.delete(f"/api/v1/customers/{made['id']}/").status_code == 204
    actions = list(AuditEntry.objects.filter(object_type="customer").order_by("id").values_list("action", flat=True))
    assert actions == ["added", "changed proxy", "changed", "changed proxy", "deleted"]


def test_cluster_with_nodes(acme: Partner, api_of: Any) -> None:
    customer = make.make_customer()
    nodes = [{"host_name": "a.example", "role": "publisher"}, {"host_name": "b.example", "role": "subscriber"}]
    body = {"customer": customer.pk, "name": "Main", "application": "cucm", "version": "14.0.1", "nodes": nodes}

    made = api_of(acme).post("/api/v1/clusters/", body)

    assert made.status_code == 201
    assert made.json()["nodes"] == nodes
    shorter = api_of(acme).patch(f"/api/v1/clusters/{made.json()['id']}/", {"nodes": nodes[:1]})
    assert shorter.json()["nodes"] == nodes[:1]


def test_two_publishers_are_refused_and_nothing_is_made(acme: Partner, api_of: Any) -> None:
    nodes = [{"host_name": name, "role": "publisher"} for name in ("a.example", "b.example")]

    answer = api_of(acme).post("/api/v1/clusters/", {"customer": make.make_customer().pk, "name": "X", "nodes": nodes})

    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["nodes"]
    assert "A cluster has exactly one publisher" in answer.json()["errors"]["nodes"][0]
    assert Cluster.objects.count() == 0


def test_second_assignment_is_refused_until_the_first_has_ended(acme: Partner, api_of: Any) -> None:
    cluster, pool, other = make.make_cluster(), make.make_pool(), make.make_pool()
    api = api_of(acme, "operator")
    first = api.post("/api/v1/assignments/", {"cluster": cluster.pk, "virtual_account": pool.pk})
    second = api.post("/api/v1/assignments/", {"cluster": cluster.pk, "virtual_account": other.pk})

    assert (first.status_code, second.status_code) == (201, 409)
    assert second.json()["detail"] == f"{cluster} is already assigned to {pool}."
    assert second.json()["next_step"] == "End that assignment first."
    assert api.post(f"/api/v1/assignments/{first.json()['id']}/end/").json()["ended_at"] is not None
    assert api.post(f"/api/v1/assignments/{first.json()['id']}/end/").status_code == 409
    assert api.post("/api/v1/assignments/", {"cluster": cluster.pk, "virtual_account": other.pk}).status_code == 201
    assert Assignment.objects.current().count() == 1


@pytest.mark.parametrize(
    ("values", "pool", "field"),
    [
        ({"version": "11.5.1"}, {}, "cluster"),
        ({}, {"purpose": "ordered"}, "virtual_account"),
        ({}, {"gone_at": timezone.now()}, "virtual_account"),
    ],
)
def test_assignments_that_cannot_work_are_refused(
    acme: Partner, api_of: Any, values: dict[str, Any], pool: dict[str, Any], field: str
) -> None:
    body = {"cluster": make.make_cluster(**values).pk, "virtual_account": make.make_pool(**pool).pk}

    answer = api_of(acme).post("/api/v1/assignments/", body)

    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
    assert Assignment.objects.count() == 0


def test_purpose_and_license_mode_are_the_partners_own(acme: Partner, api_of: Any) -> None:
    pool = make.make_virtual_account(name="Pool")

    answer = api_of(acme, "operator").patch(
        f"/api/v1/virtual-accounts/{pool.pk}/", {"purpose": "operational", "license_mode": "hcs", "name": "Pool"}
    )

    assert {name: answer.json()[name] for name in ("purpose", "license_mode", "name")} == {
        "purpose": "operational",
        "license_mode": "hcs",
        "name": "Pool",
    }


def test_whose_pool_it_is(acme: Partner, globex: Partner, api_of: Any, acme_users: dict[str, User]) -> None:
    pool, api, owner = make.make_virtual_account(), api_of(acme, "operator"), acme_users["owner"]
    make.make_virtual_account(region="South")
    path = f"/api/v1/virtual-accounts/{pool.pk}/"
    holder = {"cost_center": "4711", "region": "North", "owner": owner.pk}

    answer = api.patch(path, holder)
    assert (answer.status_code, {name: answer.json()[name] for name in holder}) == (200, holder)
    assert api.patch(path, {"region": "West"}).json()["cost_center"] == "4711"
    for query in ("cost_center=4711", "region=west", f"owner={owner.pk}"):
        assert [row["id"] for row in api.get(f"/api/v1/virtual-accounts/?{query}").json()["results"]] == [pool.pk], (
            query
        )
    with tenant_context(globex):
        User.objects.create(id=999_999, email="stranger@globex.example")
    for name, value in (("owner", 999_999), ("owner", "x"), ("region", "x" * 101), ("cost_center", None)):
        refused = api.patch(path, {name: value})
        assert (refused.status_code, list(refused.json()["errors"])) == (400, [name])
    User.objects.filter(pk=acme_users["viewer"].pk).update(is_active=False)
    left = api.patch(path, {"owner": acme_users["viewer"].pk})
    assert (left.status_code, list(left.json()["errors"])) == (400, ["owner"])
    assert api.patch(path, {"owner": None}).json()["owner"] is None


def test_sync_is_accepted_and_done_by_the_worker(
    worker: Any, in_partner: Any, emulator: Any, django_db_blocker: Any
) -> None:
    from people.models import ApiToken, User
    from tests.conftest import PartnerApi

    emulator.state.add("acme.example", "Acme").set_license("DEFAULT", "A", quantity=5, inUse=2)
    with in_partner("acme"):
        server = make.make_server(api_base_url=emulator.base_url, token_url=emulator.token_url)
        account = make.make_smart_account(license_server=server, domain="acme.example", last_synced_at=None)
        _, text = ApiToken.issue(User.objects.get(role="operator"), "test", "write")
    api = PartnerApi(SERVER_NAME="acme.localhost", HTTP_AUTHORIZATION=f"Bearer {text}")

    answer = api.post(f"/api/v1/smart-accounts/{account.pk}/sync/")

    assert answer.status_code == 202
    run = wait_for_end(api, answer.json()["id"])
    assert (run["status"], run["counts"]["created"]) == ("succeeded", 2)
    with in_partner("acme"):
        assert SmartAccount.objects.get().last_synced_at is not None
    with in_partner("globex"):
        assert SyncRun.objects.count() == 0


def wait_for_end(api: Any, number: int) -> dict[str, Any]:
    end = timezone.now() + timedelta(seconds=20)
    while timezone.now() < end:
        run: dict[str, Any] = api.get(f"/api/v1/sync-runs/{number}/").json()
        if run["finished_at"]:
            return run
    raise AssertionError(run)


def test_rules_can_be_changed_by_owners_alone(acme: Partner, api_of: Any) -> None:
    rule = AlertRule.objects.get(kind="instance_silent")
    body = {"threshold": 14, "severity": "minor", "enabled": False}

    assert api_of(acme, "operator").patch(f"/api/v1/alert-rules/{rule.pk}/", body).status_code == 403
    assert api_of(acme).patch(f"/api/v1/alert-rules/{rule.pk}/", body).json() == {
        "id": rule.pk,
        "kind": "instance_silent",
        "name": "Product instance silent",
        "unit": "",
        "lead_days": [],
        "rise_at_days": [],
        "escalate_after_hours": None,
        "owner": None,
        "smart_accounts": [],
        "virtual_accounts": [],
        "licenses": [],
        "customers": [],
        "tags": [],
        **body,
    }
