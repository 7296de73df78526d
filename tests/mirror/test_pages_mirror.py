"""Lists and details of what Cisco knows: licenses, virtual accounts, product instances, sync runs."""

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_tenants.utils import tenant_context

from kit import lists
from licensing.mirror.models import Change, License, ProductInstance, UsageSample, VirtualAccount
from people.models import AuditEntry, User
from tenants.models import Partner
from tests import factories as make

# Statements: host (two schema switches around it), session, user, smart accounts to choose from, count, rows.
QUERIES = 8


def text(response: Any) -> str:
    assert response.status_code == 200, response.status_code
    return str(response.content.decode())


def shown(response: Any) -> list[str]:
    """The first cell of each row, as the table holds it."""
    return [row.get_cell_value("name") for row in response.context["table"].paginated_rows]


def names_in_csv(response: Any) -> list[str]:
    return [row[0] for row in csv.reader(io.StringIO(text(response)))][1:]


MAKERS = {
    "/licenses/": lambda: make.make_line(license=make.make_license()),
    "/virtual-accounts/": make.make_virtual_account,
    "/product-instances/": lambda: make.make_instance(cluster=make.make_cluster()),
    "/sync-runs/": make.make_sync_run,
    "/usage/": lambda: make.make_instance({"X": 2}, cluster=make.make_cluster()),
}


@pytest.mark.parametrize("address", MAKERS)
def test_list_takes_the_same_statements_for_one_row_and_for_three(acme: Partner, client_of: Any, address: str) -> None:
    client, taken = client_of(acme, "viewer"), []
    for rows in (1, 2):
        for _ in range(rows):
            MAKERS[address]()
        with CaptureQueriesContext(
            connection,
        ) as queries:
            response = client.get(address)
        taken.append(len(queries))

    assert len(response.context["table"].paginated_rows) == 3
    # One more: the clocks of licenses that are out of compliance, runs of dead workers, the customers to choose from.
    assert taken == [QUERIES + (address in {"/licenses/", "/sync-runs/", "/usage/"})] * 2


@pytest.mark.parametrize("address", MAKERS)
def test_csv_is_without_markup(acme: Partner, client_of: Any, address: str) -> None:
    MAKERS[address]()

    answer = text(client_of(acme, "viewer").get(address, {"format": "csv"}))

    assert answer.count("\n") == 2
    assert "<" not in answer


def test_column_that_no_row_of_the_page_fills_is_left_out_there_and_kept_in_the_csv(
    acme: Partner, client_of: Any
) -> None:
    client = client_of(acme, "viewer")
    make.make_customer(name="Plain")

    headers = [column.header for column in client.get("/customers/").context["table"].columns]
    assert headers == ["Customer", "Clusters", "Assigned"]

    make.make_customer(name="Told", note="Renewal in May")
    headers = [column.header for column in client.get("/customers/").context["table"].columns]
    assert headers == ["Customer", "Clusters", "Assigned", "Note"]
    assert text(client.get("/customers/", {"format": "csv", "q": "Plain"})).startswith(
        "Customer,Clusters,Assigned,Tags,Note"
    )


@pytest.mark.parametrize("address", MAKERS)
def test_empty_list_says_why(acme: Partner, client_of: Any, address: str) -> None:
    response = client_of(acme, "viewer").get(address)

    assert "Nothing matches" not in text(response)
    assert response.context["empty"].title in text(response)


@pytest.mark.parametrize("address", ["/alerts/", "/overages/", "/worklist/"])
def test_no_list_says_that_all_is_well_before_the_first_sync(
    acme: Partner, globex: Partner, client_of: Any, address: str
) -> None:
    make.make_smart_account(last_synced_at=None)
    with tenant_context(globex):
        make.make_smart_account()

    before, after = (text(client_of(partner, "viewer").get(address)) for partner in (acme, globex))

    assert ("No data yet" in before, "No data yet" in after) == (True, False)
    assert 'href="/">See the first steps' in before


# Where the first row is made by others: the page says what is missing, without a button.
NO_WAY_ON = {
    *(("viewer", address) for address in ("customers", "clusters", "transport", "assignment-batches")),
    *((role, "license-servers") for role in ("viewer", "operator")),
}


@pytest.mark.parametrize("role", ["viewer", "operator", "owner"])
@pytest.mark.parametrize(
    "address",
    [
        "customers",
        "clusters",
        "transport",
        "license-servers",
        "product-instances",
        "subscriptions",
        "usage",
        "smart-accounts",
        "virtual-accounts",
        "licenses",
        "assignments",
        "assignment-jobs",
        "assignment-batches",
    ],
)
def test_empty_list_leads_only_to_where_its_reader_may_go(
    acme: Partner, client_of: Any, address: str, role: str
) -> None:
    client = client_of(acme, role)
    way_on = client.get(f"/{address}/").context["empty"].href

    assert not way_on or client.get(way_on).status_code == 200
    assert way_on or (role, address) in NO_WAY_ON


def test_search_wants_every_word_in_any_column(acme: Partner, client_of: Any) -> None:
    north, south = make.make_virtual_account(name="North"), make.make_virtual_account(name="South")
    for pool in (north, south):
        make.make_license(virtual_account=pool, name="UC Manager Basic")
    make.make_license(virtual_account=north, name="Expressway")
    client = client_of(acme, "viewer")

    response = client.get("/licenses/", {"q": "basic NORTH"})

    assert shown(response) == ["UC Manager Basic"]
    assert ">1</strong> license" in text(response)
    assert "Nothing matches" in text(client.get("/licenses/", {"q": "basic east"}))


def test_filters_narrow_show_chips_and_take_away_each_for_itself(acme: Partner, client_of: Any) -> None:
    pool = make.make_virtual_account(name="Pool A", purpose="operational")
    short = make.make_license(virtual_account=pool, name="Short", quantity=1, in_use=3)
    make.make_license(virtual_account=pool, name="Fine")
    make.make_license(name="Elsewhere", quantity=1, in_use=2)
    filters = {"purpose": "operational", "status": "out_of_compliance", "virtual_account": pool.pk}

    response = client_of(acme, "viewer").get("/licenses/", filters)

    assert shown(response) == [short.name]
    chips = {chip.label: (chip.value, chip.without) for chip in response.context["chips"]}
    assert chips == {
        "Pool": ("Operational", f"/licenses/?status=out_of_compliance&virtual_account={pool.pk}"),
        "Status": ("Out of compliance", f"/licenses/?purpose=operational&virtual_account={pool.pk}"),
        "Virtual account": ("Pool A", "/licenses/?purpose=operational&status=out_of_compliance"),
    }


@pytest.mark.parametrize("query", ["status=green", "virtual_account=x", "virtual_account=999999", "show=maybe"])
def test_filter_value_that_is_none_shows_nothing_rather_than_everything(
    acme: Partner, client_of: Any, query: str
) -> None:
    make.make_license()

    response = client_of(acme, "viewer").get(f"/licenses/?{query}")

    assert shown(response) == []
    assert "Nothing matches" in text(response)


@pytest.mark.parametrize(("show", "names"), [("", ["Here"]), ("gone", ["Lost"]), ("all", ["Here", "Lost"])])
def test_gone_rows_are_shown_on_demand_and_as_gone(acme: Partner, client_of: Any, show: str, names: list[str]) -> None:
    make.make_virtual_account(name="Here")
    make.make_virtual_account(name="Lost", gone_at=timezone.now())

    response = client_of(acme, "viewer").get("/virtual-accounts/", {"show": show})

    assert shown(response) == names
    assert ('class="badge quiet"' in text(response)) is ("Lost" in names)


@pytest.mark.parametrize(("sort", "names"), [("available", ["C", "B", "A"]), ("-available", ["A", "B", "C"])])
def test_list_is_sorted_by_the_column_asked_for(acme: Partner, client_of: Any, sort: str, names: list[str]) -> None:
    for name, in_use in (("A", 1), ("B", 2), ("C", 3)):
        make.make_license(name=name, in_use=in_use)
    client = client_of(acme, "viewer")

    response = client.get("/licenses/", {"sort": sort})

    assert shown(response) == names
    assert f'aria-sort="{"descending" if sort[0] == "-" else "ascending"}"' in text(response)
    assert names_in_csv(client.get("/licenses/", {"sort": sort, "format": "csv"})) == names


def test_silent_instances_come_last_whichever_way_when_their_contact_is_unknown(acme: Partner, client_of: Any) -> None:
    now = timezone.now()
    for name, moment in (("old", now - timedelta(days=9)), ("new", now), ("never", None)):
        make.make_instance(host_name=name, last_contact_at=moment)
    client = client_of(acme, "viewer")

    orders = [
        [row.record.host_name for row in client.get("/product-instances/", {"sort": sort}).context["table"].rows]
        for sort in ("last_contact_at", "-last_contact_at")
    ]

    assert orders == [["old", "new", "never"], ["new", "old", "never"]]


def test_pages_hold_every_row_once_though_they_are_equal(
    acme: Partner, client_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "PER_PAGE", 2)
    for _ in range(5):
        make.make_license(name="Same", virtual_account=make.make_virtual_account())
    client = client_of(acme, "viewer")

    pages = [client.get("/licenses/", {"page": page, "sort": "status"}) for page in ("1", "2", "3")]

    found = [row.record.pk for page in pages for row in page.context["table"].paginated_rows]
    assert sorted(found) == sorted(License.objects.values_list("pk", flat=True))
    assert "Page 2 of 3" in text(pages[1])
    assert [client.get("/licenses/", {"page": page}).context["table"].page.number for page in ("x", "0", "99")] == [
        1,
        3,
        3,
    ]


def test_count_stops_at_its_cap_and_says_so(acme: Partner, client_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "COUNT_CAP", 2)
    for _ in range(4):
        make.make_license()
    client = client_of(acme, "viewer")

    response = client.get("/licenses/")

    assert response.context["shown_count"] == "2+"
    assert "Narrow the search" in text(response)
    assert len(names_in_csv(client.get("/licenses/", {"format": "csv"}))) == 4


def test_csv_holds_what_the_filters_let_through_and_no_formula(acme: Partner, client_of: Any) -> None:
    pool = make.make_virtual_account(name="=cmd()")
    make.make_license(virtual_account=pool, name="@evil", quantity=3, in_use=5)
    make.make_license(name="Fine")

    response = client_of(acme, "viewer").get("/licenses/", {"format": "csv", "status": "out_of_compliance"})

    head, row = csv.reader(io.StringIO(text(response)))
    assert head.pop(4) == "Time left"
    row.pop(4)
    assert head[:7] == ["Name", "Virtual account", "Purpose", "Status", "Quantity", "In use", "Available"]
    assert row[:7] == ["'@evil", "'=cmd()", "general", "out_of_compliance", "3", "5", "-2"]
    assert response["Content-Disposition"].startswith('attachment; filename="licenses-')


def test_number_says_how_old_it_is_in_words_and_colour(acme: Partner, client_of: Any) -> None:
    now = timezone.now()
    for hours, name in ((1, "young"), (36, "late"), (72, "old")):
        account = make.make_smart_account(last_synced_at=now - timedelta(hours=hours))
        make.make_license(name=name, virtual_account=make.make_virtual_account(smart_account=account))
    never = make.make_smart_account(last_synced_at=None)
    make.make_license(name="zero", virtual_account=make.make_virtual_account(smart_account=never))
    client = client_of(acme, "viewer")

    ages = {row.record.name: str(row.get_cell("as_of")) for row in client.get("/licenses/").context["table"].rows}

    words = {
        name: (age.split('"')[1], "1 hour ago" in age, "1 day ago" in age, "3 days ago" in age)
        for name, age in ages.items()
    }
    assert words == {
        "young": ("age fresh", True, False, False),
        "late": ("age late", False, True, False),
        "old": ("age stale", False, False, True),
        "zero": ("age stale", False, False, False),
    }
    assert "never synced" in ages["zero"]


def test_next_term_of_a_license_is_the_one_to_come_and_no_cancelled_one(acme: Partner, client_of: Any) -> None:
    today = timezone.localdate()
    for name, lines in (
        ("Running", ((-40, "ACTIVE"), (9, "ACTIVE"), (300, "ACTIVE"), (2, "Canceled"))),
        ("Over", ((-40, "Expired"), (-4, "Expired"))),
        ("Perpetual", ()),
    ):
        row = make.make_license(name=name)
        for days, status in lines:
            make.make_line(license=row, end=today + timedelta(days=days), status=status)

    shown = client_of(acme, "viewer").get("/licenses/", {"sort": "ends"}).context["table"].rows

    assert [(row.record.name, row.record.next_end) for row in shown] == [
        ("Over", today - timedelta(days=4)),
        ("Running", today + timedelta(days=9)),
        ("Perpetual", None),
    ]


def test_license_shows_lines_users_other_pools_and_samples(acme: Partner, client_of: Any) -> None:
    account = make.make_smart_account()
    pool = make.make_virtual_account(smart_account=account, name="Here")
    found = make.make_license(
        virtual_account=pool,
        name="Basic",
        substitutions=[{"license": "Basic", "substituted_license": "Enhanced", "quantity": 7, "type": "tier"}],
    )
    make.make_license(virtual_account=make.make_virtual_account(smart_account=account, name="There"), name="Basic")
    make.make_line(license=found, subscription_id="Sub4711")
    cluster = make.make_cluster(name="Hospital core")
    make.make_instance({"Basic": 3}, virtual_account=pool, host_name="pub.example", cluster=cluster)
    make.make_instance({"Basic": 9}, virtual_account=pool, host_name="gone.example", gone_at=timezone.now())
    today = timezone.localdate()
    for days, in_use in ((2, 1), (1, 4)):
        UsageSample.objects.create(
            license=found, day=today - timedelta(days=days), quantity=10, in_use=in_use, available=6, reserved=0
        )
    client = client_of(acme, "viewer")

    answer = text(client.get(f"/licenses/{found.pk}/"))

    for part in ("Sub4711", "pub.example", "Hospital core", "There", "7</strong> × Enhanced", "in use 1 to 4"):
        assert part in answer, part
    assert "gone.example" not in answer
    assert "Used by 1 product instance" in answer


def test_gone_license_says_so_and_keeps_its_figures(acme: Partner, client_of: Any) -> None:
    found = make.make_license(quantity=12, gone_at=timezone.now())

    answer = text(client_of(acme, "viewer").get(f"/licenses/{found.pk}/"))

    assert "Cisco no longer lists this license" in answer
    assert '<span class="tile-value">12</span>' in answer


def test_virtual_account_shows_what_is_in_it_and_offers_what_the_role_may(acme: Partner, client_of: Any) -> None:
    pool = make.make_virtual_account(name="Running", purpose="operational", license_mode="hcs", note="Mind the gap")
    make.make_license(virtual_account=pool, name="Basic")
    make.make_instance(virtual_account=pool, host_name="pub.example")
    make.make_token(virtual_account=pool, description="For Monday")
    make.make_assignment(virtual_account=pool, cluster=make.make_cluster(name="Core"))
    viewer, operator = (client_of(acme, role).get(f"/virtual-accounts/{pool.pk}/") for role in ("viewer", "operator"))

    for part in ("Basic", "pub.example", "For Monday", "Core", "Mind the gap", "Operational", "HCS"):
        assert part in text(viewer), part
    edit = f"/virtual-accounts/{pool.pk}/edit/"
    assert (edit in text(viewer), edit in text(operator)) == (False, True)


def test_operator_decides_purpose_mode_and_note_and_it_is_written_down(acme: Partner, client_of: Any) -> None:
    pool = make.make_virtual_account()
    wanted = {"purpose": "ordered", "license_mode": "hcs", "note": "Ours"}

    response = client_of(acme, "operator").post(f"/virtual-accounts/{pool.pk}/edit/", wanted)

    assert response["Location"] == f"/virtual-accounts/{pool.pk}/"
    assert VirtualAccount.objects.values(*wanted).get(pk=pool.pk) == wanted
    changes = {name: pair for entry in AuditEntry.objects.all() for name, pair in entry.changes.items()}
    assert changes == {"purpose": ["general", "ordered"], "license_mode": ["", "hcs"], "note": ["", "Ours"]}


def test_usage_report_has_everything_that_is_used(acme: Partner, globex: Partner, client_of: Any) -> None:
    with tenant_context(globex):
        make.make_instance({"Theirs": 3}, cluster=make.make_cluster())
    account = make.make_smart_account(name="Acme Account")
    pool = make.make_virtual_account(smart_account=account, name="Running")
    owned = make.make_license(virtual_account=pool, name="Basic", quantity=9, in_use=5)
    harbor = make.make_customer(name="Harbor")
    cluster = make.make_cluster(name="Core", customer=harbor)
    make.make_instance({"Basic": 5, "Else": 1, "None": 0}, virtual_account=pool, cluster=cluster, host_name="a.example")
    make.make_instance({"Basic": 7}, virtual_account=pool, host_name="b.example")
    make.make_instance({"Basic": 9}, virtual_account=pool, gone_at=timezone.now())
    client = client_of(acme, "viewer")

    rows = list(csv.DictReader(io.StringIO(text(client.get("/usage/?format=csv")))))
    taken = [(row["License"], row["Uses"], row["Customer"], row["Cluster"], row["Product instance"]) for row in rows]
    assert taken == [
        ("Basic", "7", "", "", "b.example"),
        ("Basic", "5", "Harbor", "Core", "a.example"),
        ("Else", "1", "Harbor", "Core", "a.example"),
    ]
    assert {(row["Virtual account"], row["Smart account"]) for row in rows} == {("Running", "Acme Account")}
    shown = text(client.get(f"/usage/?customer={harbor.pk}&q=basic"))
    assert f'<a href="/licenses/{owned.pk}/">Basic</a>' in shown
    assert [name in shown for name in ("a.example", "b.example", "Else", "Theirs")] == [True, False, False, False]
    assert 'href="/usage/" aria-current="page"' in shown


def test_pools_are_told_apart_by_cost_center_region_and_owner(
    acme: Partner, globex: Partner, client_of: Any, acme_users: dict[str, User]
) -> None:
    with tenant_context(globex):
        make.make_virtual_account(name="Theirs", region="North")
    pool, other = make.make_virtual_account(name="Pool A"), make.make_virtual_account(name="Pool B")
    client, owner = client_of(acme, "operator"), acme_users["operator"]
    path = f"/virtual-accounts/{pool.pk}"
    wanted = {"purpose": "general", "cost_center": " 4711 ", "region": "North", "owner": owner.pk}

    assert "Cost center" not in text(client.get(f"/virtual-accounts/{other.pk}/"))
    assert ">Region<" not in text(client.get("/virtual-accounts/"))
    assert client.post(f"{path}/edit/", wanted).status_code == 302

    shown = text(client.get(f"{path}/"))
    assert '<a href="/virtual-accounts/?cost_center=4711">4711</a>' in shown
    assert owner.email in shown
    assert AuditEntry.objects.get().changes["cost_center"] == ["", "4711"]
    for query in ("?cost_center=4711", "?region=north", "?q=4711 north"):
        listed = text(client.get(f"/virtual-accounts/{query}"))
        assert [name in listed for name in ("Pool A", "Pool B", "Theirs")] == [True, False, False], query
    row = next(csv.DictReader(io.StringIO(client.get("/virtual-accounts/?format=csv&region=North").content.decode())))
    assert (row["Cost center"], row["Region"], row["Owner"]) == ("4711", "North", owner.email)

    owner.is_active = False
    owner.save()
    assert client_of(acme, "owner").post(f"{path}/edit/", {**wanted, "region": "West"}).status_code == 302, "he stays"
    pool.refresh_from_db()
    assert (pool.region, pool.owner) == ("West", owner)


def test_refused_decision_says_why_and_changes_nothing_of_it(acme: Partner, client_of: Any) -> None:
    pool = make.make_virtual_account(license_mode="hcs")
    make.make_assignment(virtual_account=pool, cluster=make.make_cluster(name="Core"))
    wanted = {"purpose": "operational", "license_mode": "enterprise", "note": ""}

    response = client_of(acme, "operator").post(f"/virtual-accounts/{pool.pk}/edit/", wanted)

    assert response.status_code == 409
    assert "cannot change while Core is assigned" in response.content.decode()
    pool.refresh_from_db()
    assert (pool.purpose, pool.license_mode) == ("general", "hcs")
    assert AuditEntry.objects.count() == 0


@pytest.mark.parametrize("address", ["/virtual-accounts/{}/edit/", "/product-instances/{}/edit/"])
def test_viewer_decides_nothing(acme: Partner, client_of: Any, address: str) -> None:
    instance = make.make_instance()
    path = address.format(instance.virtual_account_id if "virtual" in address else instance.pk)
    client = client_of(acme, "viewer")

    assert (client.get(path).status_code, client.post(path, {}).status_code) == (403, 403)


def test_operator_settles_the_cluster_of_an_instance_by_hand_and_takes_it_back(acme: Partner, client_of: Any) -> None:
    cluster = make.make_cluster({"pub.example": "publisher"}, name="Core")
    other = make.make_cluster({"else.example": "publisher"})
    instance = make.make_instance(host_name="pub.example", cluster=cluster)
    client, path = client_of(acme, "operator"), f"/product-instances/{instance.pk}/edit/"

    def decided(**wanted: Any) -> tuple[int | None, bool]:
        response = client.post(path, {"note": "", **wanted})
        assert response.status_code == 302, response.content.decode()
        return ProductInstance.objects.values_list("cluster_id", "cluster_by_hand").get(pk=instance.pk)  # type: ignore[return-value]

    assert decided(decide="cluster", cluster=other.pk) == (other.pk, True)
    assert decided(decide="none") == (None, True)
    assert decided(decide="match") == (cluster.pk, False)
    answer = client.post(path, {"decide": "cluster", "cluster": "", "note": ""})
    assert (answer.status_code, "Choose the cluster" in answer.content.decode()) == (422, True)


def test_product_instance_shows_usage_and_tells_when_several_clusters_fit(acme: Partner, client_of: Any) -> None:
    pool = make.make_virtual_account()
    make.make_license(virtual_account=pool, name="Basic")
    found = make.make_instance(
        {"Basic": 3, "Unknown": 1}, virtual_account=pool, host_name="pub.example", serial="02bb7", cluster_candidates=2
    )

    answer = text(client_of(acme, "operator").get(f"/product-instances/{found.pk}/"))

    for part in ("Basic", "Unknown", "not in this pool", "02bb7", "2 clusters fit equally well"):
        assert part in answer, part


def test_product_instance_names_those_that_cisco_does_not_tell_apart(
    acme: Partner, globex: Partner, client_of: Any
) -> None:
    pool = make.make_virtual_account()
    first = make.make_instance(virtual_account=pool, identity="UCM|1|", host_name="first.example")
    second = make.make_instance(virtual_account=pool, identity="UCM|1| #2", host_name="second.example")
    make.make_instance(virtual_account=pool, identity="UCM|1| #3", host_name="third.example", gone_at=timezone.now())
    alone = make.make_instance(virtual_account=pool, identity="UCM|12|", host_name="alone.example")
    make.make_instance(identity="UCM|1|", host_name="elsewhere.example")
    with tenant_context(globex):
        make.make_instance(identity="UCM|1|", host_name="foreign.example")

    def named(instance: ProductInstance) -> set[str]:
        answer = client_of(acme, "viewer").get(f"/product-instances/{instance.pk}/")
        return {str(twin) for twin in answer.context["twins"]}

    assert named(first) == {"second.example"}
    assert named(second) == {"first.example"}
    assert named(alone) == set()
    assert "several product instances" in text(client_of(acme, "viewer").get(f"/product-instances/{first.pk}/"))
    assert "several product instances" not in text(client_of(acme, "viewer").get(f"/product-instances/{alone.pk}/"))


def test_failed_run_says_cause_next_step_and_which_figures_stay(acme: Partner, client_of: Any) -> None:
    run = make.make_sync_run(
        status="failed", cause="The secret is wrong.", next_step="Enter it again.", requested_by="Ann"
    )

    answer = text(client_of(acme, "viewer").get(f"/sync-runs/{run.pk}/"))

    for part in ("The secret is wrong.", "Enter it again.", "Ann", "Nothing was changed by it"):
        assert part in answer, part


def test_run_shows_what_changed_with_old_and_new_values(acme: Partner, client_of: Any) -> None:
    found = make.make_license(name="Basic")
    run = make.make_sync_run(changed=1, unchanged=41)
    Change.objects.create(
        sync_run=run,
        kind="changed",
        object_type="license",
        object_id=found.pk,
        label="Basic in North",
        values={"in_use": [4, 9], "billing_type": ["", "PREPAID"]},
    )
    client = client_of(acme, "viewer")

    for address in (f"/sync-runs/{run.pk}/", f"/licenses/{found.pk}/"):
        answer = text(client.get(address))
        assert "In use changed from 4 to 9" in answer
        assert "Billing type set to PREPAID" in answer
    assert f'<a href="/licenses/{found.pk}/">Basic in North</a>' in text(client.get(f"/sync-runs/{run.pk}/"))


def test_running_sync_is_polled_and_the_page_asks_for_itself_when_it_is_over(acme: Partner, client_of: Any) -> None:
    step = {"step": "Reading licenses", "done": 40, "total": 100}
    run = make.make_sync_run(status="running", finished_at=None, progress=step)
    client, path = client_of(acme, "viewer"), f"/sync-runs/{run.pk}/"

    assert 'hx-trigger="every 2s"' in text(client.get(path))
    part = text(client.get(path, headers={"HX-Request": "true"}))
    assert ("40 of 100" in part, 'value="40" max="100"' in part, "<html" in part) == (True, True, False)

    run.status = "succeeded"
    run.save()
    assert client.get(path, headers={"HX-Request": "true"})["HX-Refresh"] == "true"
    assert "every 2s" not in text(client.get(path))
