"""Rules that several surfaces share say the same on each of them: page, REST, admin, verb and SQL."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from kit.refusals import Refusal
from licensing.accounts import servers, smart_accounts
from licensing.accounts.models import LicenseServer
from licensing.alerts import rules
from licensing.alerts.models import AlertRule
from licensing.allocation import what_if
from licensing.assignments.checks import pool_cannot_serve
from licensing.assignments.jobs import effects
from licensing.channels.channels import save_channel
from licensing.channels.models import Channel
from licensing.cisco.addresses import CLUSTER, LICENSE_SERVER, SERVICE, WEBHOOK
from licensing.fleet import clusters, customers, on_prem, proxies, transport
from licensing.fleet.access.run_sheets import Sheet
from licensing.fleet.access.settings import AccessSpec
from licensing.fleet.access.settings import save as save_access
from licensing.fleet.models import Cluster, ClusterAccess, Customer
from licensing.mirror.models import VirtualAccount
from licensing.operations import product_instances
from licensing.pools.models import TransferPlan
from people.audit import SYSTEM
from tenants.models import Partner
from tests import factories as make

ROOT = Path(__file__).resolve().parents[2]
METADATA = "https://169.254.169.254/x"
LONG = "x" * 600


def page(response: Any) -> str:
    return str(response.content.decode()).replace("&#x27;", "'")


# --- from what a model does not accept to a refusal ---


def invalid_rows() -> dict[str, tuple[Callable[[], object], str]]:
    """What each verb is called with, and the field that its refusal names."""
    customer = make.make_customer(name="Northwind")
    taken = make.make_cluster(name="Harbor CM", customer=customer)
    server, proxied = make.make_server(), make.make_customer()
    spec = AccessSpec("axl", "https://127.0.0.2:8443", LONG, "a-secret")
    channel = Channel(name=LONG, kind="mail", recipients=["a@b.example"])
    return {
        "customer": (lambda: customers.save_customer(SYSTEM, Customer(name=LONG)), "name"),
        "cluster": (
            lambda: clusters.save_cluster(SYSTEM, Cluster(customer=customer, name="A", version=LONG)),
            "version",
        ),
        "same name": (lambda: clusters.save_cluster(SYSTEM, Cluster(customer=customer, name=taken.name)), "name"),
        "proxy": (lambda: proxies.set_proxy(SYSTEM, proxied, proxies.ProxySpec("proxy.example", 70_000)), "proxy_port"),
        "proxy's host": (lambda: proxies.set_proxy(SYSTEM, proxied, proxies.ProxySpec("a b", 3128)), "proxy_host"),
        "node": (lambda: clusters.save_cluster(SYSTEM, taken, [clusters.NodeSpec("a b", "publisher")]), "nodes"),
        "server": (lambda: servers.save_server(SYSTEM, make_row(server, version=LONG)), "version"),
        "account": (lambda: smart_accounts.add_smart_account(SYSTEM, server, "a.example", name=LONG), "name"),
        "access": (lambda: save_access(SYSTEM, make.make_cluster(), spec), "username"),
        "channel": (lambda: save_channel(SYSTEM, channel), "name"),
        "rule": (lambda: rules.save(SYSTEM, AlertRule(kind="exhaustion", severity=LONG)), "severity"),
    }


def make_row(server: LicenseServer, **values: Any) -> LicenseServer:
    for name, value in values.items():
        setattr(server, name, value)
    return server


def test_refusal_of_an_invalid_row_names_its_field(acme: Partner) -> None:
    found, rows = {}, invalid_rows()
    for name, (save, _) in rows.items():
        with pytest.raises(Refusal) as refusal:
            save()
        found[name] = refusal.value.field

    assert found == {name: field for name, (_, field) in rows.items()}


def test_one_function_turns_what_a_model_says_into_a_refusal() -> None:
    homes = {
        str(path.relative_to(ROOT))
        for folder in ("kit", "licensing", "people")
        for path in (ROOT / folder).rglob("*.py")
        if re.search(r"\.full_clean\(", path.read_text())
    }

    assert homes == {"kit/refusals.py"}


# --- addresses and certificates ---


def leads_nowhere(many: str) -> str:
    return f"169.254.169.254 leads to 169.254.169.254, an address that {many} may not have here."


def server_values(**values: Any) -> dict[str, Any]:
    good = "https://127.0.0.2/x"
    return {"name": "S", "kind": "on_prem", "api_base_url": good, "token_url": good, **values}


def test_address_of_a_server_is_refused_alike(acme: Partner, client_of: Any, api_of: Any) -> None:
    values = server_values(api_base_url=METADATA)
    owner = client_of(acme, "owner")
    told = leads_nowhere("license servers")

    assert told in page(owner.post("/license-servers/add/?kind=on_prem", values))
    assert told in str(api_of(acme).post("/api/v1/license-servers/", values).json())
    assert told in page(owner.post(reverse("admin:accounts_licenseserver_add"), values))
    assert LicenseServer.objects.count() == 0


def test_address_of_a_cluster_is_refused_alike(acme: Partner, client_of: Any, api_of: Any) -> None:
    cluster, owner = make.make_cluster(), client_of(acme, "owner")
    values = {"method": "axl", "url": METADATA, "username": "u", "password": "p", "new_password": "p"}
    told, sent = leads_nowhere("clusters"), {name: values[name] for name in ("method", "url", "username", "password")}

    assert told in page(owner.post(f"/clusters/{cluster.pk}/access/edit/", values))
    assert told in str(api_of(acme).put(f"/api/v1/clusters/{cluster.pk}/access/", sent).json())
    assert told in page(owner.post(reverse("admin:fleet_clusteraccess_add"), {**values, "cluster": cluster.pk}))
    assert ClusterAccess.objects.count() == 0


@pytest.mark.parametrize(("kind", "url"), [("webhook", METADATA), ("apprise", "json://169.254.169.254/x")])
def test_address_of_a_channel_is_refused_alike(
    acme: Partner, client_of: Any, api_of: Any, settings: Any, kind: str, url: str
) -> None:
    settings.APPRISE_ALSO = ("json",)
    values = {"name": "Ops", "url": url, "min_severity": "major", "zone": "UTC", "storm_limit": 10, "enabled": True}
    told = leads_nowhere({"webhook": "webhooks", "apprise": "services"}[kind])

    assert told in page(client_of(acme, "owner").post(f"/channels/add/?kind={kind}", values))
    assert told in str(api_of(acme).post("/api/v1/channels/", {**values, "kind": kind}).json())
    assert Channel.objects.count() == 0


def test_unreadable_certificate_is_refused_alike(acme: Partner, client_of: Any, api_of: Any) -> None:
    cluster, owner, api = make.make_cluster(), client_of(acme, "owner"), api_of(acme)
    server = server_values(ca_certificate="none")
    sent = {"method": "axl", "url": "https://127.0.0.2:8443", "username": "u", "password": "p"}
    access = {**sent, "ca_certificate": "none", "new_password": "p"}
    of_server, of_cluster = (
        f"The CA certificate of {this} cannot be read." for this in ("this server", "this cluster")
    )

    assert of_server in page(owner.post("/license-servers/add/?kind=on_prem", server))
    assert of_server in str(api.post("/api/v1/license-servers/", server).json())
    assert of_server in page(owner.post(reverse("admin:accounts_licenseserver_add"), server))
    assert of_cluster in page(owner.post(f"/clusters/{cluster.pk}/access/edit/", access))
    assert of_cluster in str(
        api.put(f"/api/v1/clusters/{cluster.pk}/access/", {**sent, "ca_certificate": "none"}).json()
    )
    assert of_cluster in page(owner.post(reverse("admin:fleet_clusteraccess_add"), {**access, "cluster": cluster.pk}))


def test_each_party_has_words_of_its_own() -> None:
    parties = (LICENSE_SERVER, CLUSTER, WEBHOOK, SERVICE)

    assert len({party.many for party in parties}) == len({party.this for party in parties}) == 4


# --- the ordered pool ---


def test_ordered_pool_is_refused_in_one_sentence(acme: Partner, api_of: Any) -> None:
    account, cluster, api = make.make_smart_account(), make.make_cluster(), api_of(acme)
    ordered = make.make_virtual_account(smart_account=account, name="Bought", purpose="ordered")
    license_ = make.make_license(virtual_account=make.make_virtual_account(smart_account=account), quantity=5)
    instance = make.make_instance(virtual_account=license_.virtual_account)
    moved = {"license": license_.pk, "target": ordered.pk, "quantity": 1}
    answers = {
        "assign": api.post("/api/v1/assignments/", {"cluster": cluster.pk, "virtual_account": ordered.pk}),
        "what if": api.post(
            "/api/v1/what-if/", {"action": "add", "clusters": [cluster.pk], "virtual_account": ordered.pk}
        ),
        "move": api.post(f"/api/v1/product-instances/{instance.pk}/transfer/", {"virtual_account": ordered.pk}),
        "transfer": api.post("/api/v1/transfer-plans/", moved),
    }

    told = "Bought is the ordered pool, which serves no applications."
    assert ordered.not_serving == told
    assert {name: told in str(answer.json()) for name, answer in answers.items()} == dict.fromkeys(answers, True)
    assert TransferPlan.objects.count() == 0


@pytest.mark.parametrize("purpose", VirtualAccount.Purpose.values)
def test_condition_of_the_ordered_pool_is_the_same_for_one_and_for_many(acme: Partner, purpose: str) -> None:
    pool, cluster = make.make_virtual_account(purpose=purpose), make.make_cluster()
    instance = make.make_instance(virtual_account=make.make_virtual_account(smart_account=pool.smart_account))
    serves = VirtualAccount.objects.serving().filter(pk=pool.pk).exists()

    def refuses(ask: Callable[[], object]) -> bool:
        try:
            ask()
        except Refusal as refusal:
            return refusal.message == pool.not_serving
        return False

    asked = {
        "assign": "ordered_pool" in {reason.code for reason in pool_cannot_serve(pool, pool.smart_account.created_at)},
        "what if": refuses(lambda: what_if.evaluate(what_if.Scenario(clusters=(cluster,), target=pool))),
        "move": refuses(lambda: product_instances.check_transfer(instance, pool)),
        "property": bool(pool.not_serving),
    }
    assert set(asked.values()) == {not serves} == {purpose == "ordered"}


# --- Expressway ---


@pytest.mark.parametrize("application", Cluster.Application.values)
def test_expressway_is_the_same_everywhere(acme: Partner, application: str) -> None:
    server = make.make_server(kind="on_prem")
    pool = make.make_virtual_account(license_mode="enterprise")
    cluster = make.make_cluster(application=application, license_server=server, deployment="hcs")
    counted: Any = on_prem.with_counts(LicenseServer.objects.filter(pk=server.pk)).get()

    answers = {
        "model": cluster.is_expressway,
        "set": application in Cluster.EXPRESSWAYS,
        "transport": transport.ClusterFacts(application).is_expressway,
        "run sheet": Sheet(application).is_expressway,
        "SQL": counted.has_expressways,
        "mode": not effects.changes_mode(cluster, pool),
    }

    assert set(answers.values()) == {application.startswith("expressway_")}, answers


def test_expressways_are_named_in_one_place() -> None:
    homes = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "licensing").rglob("*.py")
        if not {"migrations", "emulator"} & set(path.parts)
        and re.search(r"""["']expressway(_[ce])?["']""", path.read_text())
    }

    assert homes == {"licensing/fleet/transport.py", "licensing/fleet/models.py"}
