"""What is known of customers, clusters and On-Prem servers beside their names: tags, evaluation, a server's facts."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_tenants.utils import tenant_context

from kit.refusals import Refusal
from licensing.accounts import servers
from licensing.accounts.models import LicenseServer
from licensing.fleet import customers
from licensing.fleet.fleet_file.planning import plan
from licensing.fleet.fleet_file.reading import read
from licensing.fleet.models import Cluster, Customer
from people import audit
from people.audit import Actor
from tenants.models import Partner
from tests import factories as make

ANNA = Actor(None, "anna@acme.example")
ON_PREM = {"kind": "on_prem", "api_base_url": "https://ssm.example:8443/api/v1", "version": "8-202404"}


def test_tags_are_kept_in_one_form_and_found(acme: Partner, globex: Partner) -> None:
    with tenant_context(globex):
        make.make_customer(tags=["north"])
    customer = Customer(name="Harbor", tags=[" North ", "gold,  Data  Centre 2", "", "GOLD"])

    customers.save_customer(ANNA, customer)

    assert Customer.objects.get().tags == ["north", "gold", "data centre 2"]
    assert list(Customer.objects.filter(tags__contains=["gold"])) == [customer]


@pytest.mark.parametrize("tags", [["x" * 41], [f"tag {number}" for number in range(21)]])
def test_tags_that_are_too_long_or_too_many_are_refused(acme: Partner, tags: list[str]) -> None:
    with pytest.raises(Refusal) as refused:
        customers.save_customer(ANNA, Customer(name="Harbor", tags=tags))

    assert refused.value.field == "tags"


def test_tags_are_typed_shown_and_searched(acme: Partner, client_of: Any) -> None:
    make.make_customer(name="Other")
    client = client_of(acme, "operator")
    proxy = {"proxy-host": "", "proxy-port": "", "proxy-username": "", "proxy-password": ""}

    client.post("/customers/add/", {"name": "Harbor", "note": "", "tags": "North, <b>gold</b>", **proxy})

    assert Customer.objects.get(name="Harbor").tags == ["north", "<b>gold</b>"]
    shown = client.get("/customers/?tag=NORTH").content.decode()
    assert "Harbor" in shown
    assert "Other" not in shown
    assert "&lt;b&gt;gold&lt;/b&gt;" in shown
    assert "<b>gold" not in shown
    assert "Harbor" in client.get("/customers/?q=nort").content.decode()


def test_rest_takes_tags_and_finds_by_them(acme: Partner, api_of: Any) -> None:
    api = api_of(acme)
    api.post("/api/v1/customers/", {"name": "Other"})

    made = api.post("/api/v1/customers/", {"name": "Harbor", "tags": ["North"]})

    assert made.json()["tags"] == ["north"]
    assert [row["name"] for row in api.get("/api/v1/customers/?tag=north").json()["results"]] == ["Harbor"]


# --- evaluation ---


def test_evaluation_lasts_90_days_from_installation_until_an_instance_is_there(acme: Partner, globex: Partner) -> None:
    installed = date(2026, 9, 1)
    running = make.make_cluster(installed_on=installed)
    registered = make.make_cluster(installed_on=installed)
    make.make_instance(cluster=registered)
    back_again = make.make_cluster(installed_on=installed)
    make.make_instance(cluster=back_again, gone_at=timezone.now())
    make.make_cluster()
    with tenant_context(globex):
        make.make_cluster(installed_on=installed)

    found = Cluster.objects.in_evaluation().values_list("pk", "evaluation_ends").order_by("pk")

    assert list(found) == [(running.pk, date(2026, 11, 30)), (back_again.pk, date(2026, 11, 30))]


def test_rest_tells_when_the_evaluation_ends(acme: Partner, api_of: Any) -> None:
    customer = make.make_customer()
    body = {"customer": customer.pk, "name": "Core", "installed_on": "2026-09-01", "managed_on_premise": True}

    made = api_of(acme).post("/api/v1/clusters/", body).json()

    assert (made["installed_on"], made["evaluation_ends"], made["managed_on_premise"]) == (
        "2026-09-01",
        "2026-11-30",
        True,
    )


# --- servers ---


def test_facts_of_an_on_prem_server_are_saved_over_rest(acme: Partner, api_of: Any) -> None:
    facts = {
        "registration_url": "https://ssm.example/SmartTransport",
        "on_prem_name": "ssm.example",
        "host_common_name": "ssm.example",
        "hcmf_version": "12.5SU2",
        "offline": True,
        "instance_limit": 5000,
        "last_cloud_sync_at": "2026-11-01T10:00:00Z",
    }
    server = make.make_server(**ON_PREM)

    answer = api_of(acme).patch(f"/api/v1/license-servers/{server.pk}/", facts)

    assert {name: answer.json()[name] for name in facts} == facts


@pytest.mark.parametrize(
    ("kind", "facts", "field"),
    [
        ("cloud", {"registration_url": "https://ssm.example/SmartTransport"}, "registration_url"),
        ("cloud", {"offline": True}, "offline"),
        ("on_prem", {"registration_url": "ssm.example"}, "registration_url"),
        ("on_prem", {"instance_limit": 0}, "instance_limit"),
        ("on_prem", {"last_cloud_sync_at": timezone.now() + timedelta(days=1)}, "last_cloud_sync_at"),
    ],
)
def test_facts_that_cannot_be_are_refused(acme: Partner, kind: str, facts: dict[str, Any], field: str) -> None:
    server = make.make_server(**{**ON_PREM, "kind": kind})
    before = audit.snapshot(server)
    for name, value in facts.items():
        setattr(server, name, value)

    with pytest.raises(Refusal) as refused:
        servers.save_server(ANNA, server, before)

    assert refused.value.field == field
    stored = LicenseServer.objects.get()
    assert [getattr(stored, name) for name in facts] == [before[name] for name in facts]


def test_owner_enters_the_facts_of_an_on_prem_server(acme: Partner, client_of: Any) -> None:
    server = make.make_server(**ON_PREM)
    typed = {
        "name": server.name,
        "host": "",
        "api_base_url": server.api_base_url,
        "token_url": server.token_url,
        "version": "8-202404",
        "registration_url": "https://ssm.example/SmartTransport",
        "on_prem_name": "ssm.example",
        "host_common_name": "",
        "hcmf_version": "",
        "last_cloud_sync_at": "2026-11-01T10:00",
        "instance_limit": "",
        "verify_tls": "on",
        "offline": "on",
    }

    client_of(acme, "owner").post(f"/license-servers/{server.pk}/edit/", typed)

    server.refresh_from_db()
    assert (server.on_prem_name, server.offline, server.instance_limit) == ("ssm.example", True, None)
    assert timezone.localtime(server.last_cloud_sync_at).strftime("%Y-%m-%d %H:%M") == "2026-11-01 10:00"


@pytest.mark.parametrize("day", ["9999-12-31", "0026-11-24", "1989-12-31"])
def test_day_of_installation_that_cannot_be_is_refused_by_page_rest_and_import(
    acme: Partner, client_of: Any, api_of: Any, day: str
) -> None:
    customer, operator = make.make_customer(), client_of(acme, "operator")
    values = {"customer": customer.pk, "name": "Core", "application": "cucm", "deployment": "hcs", "installed_on": day}

    page = operator.post("/clusters/add/", {**values, "nodes-TOTAL_FORMS": 0, "nodes-INITIAL_FORMS": 0})
    rest = api_of(acme, "operator").post("/api/v1/clusters/", values)
    (bad,) = plan(read(f"customer,cluster,application,installed_on\r\n{customer},Core,cucm,{day}\r\n")).bad

    said = "Enter a day between 1990 and 2099."
    assert (page.status_code, page.context["form"].errors["installed_on"]) == (422, [said])
    assert (rest.status_code, rest.json()["errors"]) == (400, {"installed_on": [said]})
    assert bad.reason == f"installed_on: {said}"
    assert operator.get("/clusters/").status_code == 200
