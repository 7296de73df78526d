"""What people may set is the same on page, in REST and in the admin. What differs on purpose stands here, with why."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pytest
from django.forms import BaseForm
from django.urls import reverse
from django_tenants.utils import tenant_context

from licensing.accounts import rest
from licensing.accounts.forms import LicenseServerForm, SmartAccountForm
from licensing.accounts.models import LicenseServer, SmartAccount
from licensing.fleet import matching
from licensing.fleet.forms import ClusterAccessForm, ClusterForm, CustomerForm
from licensing.fleet.models import Cluster, ClusterAccess, Customer
from licensing.fleet.rest import cluster_access, inventory
from licensing.mirror.forms.annotations import ProductInstanceForm, VirtualAccountForm
from licensing.mirror.models import ProductInstance, Subscription, VirtualAccount
from licensing.mirror.rest import product_instances, virtual_accounts
from licensing.pools.forms import SubscriptionForm
from licensing.pools.rest import subscriptions
from people.admin_site import partner_site
from tenants.models import Partner
from tests import factories as make


@dataclass(frozen=True)
class Difference:
    """`more`: what the surface has beside OWN, `less`: what it lacks, each with its reason."""

    more: dict[str, str] = field(default_factory=dict)
    less: dict[str, str] = field(default_factory=dict)


PROXY = dict.fromkeys(
    ("proxy_host", "proxy_port", "proxy_username", "proxy_password"),
    "the proxy is a row of its own: a second form on the page, an inline in the admin",
)
SECRET = "the secret goes in beside the row and never comes out"
IDENTITY = "tells which row it is: set when it is added, and on pages by where the person stands"
CREDENTIALS = "has a page of its own, where ID and secret change together"

PAGE = {
    LicenseServer: Difference(
        more={"host": "the addresses follow from it"},
        less={"kind": "chosen before the form opens", "client_id": CREDENTIALS},
    ),
    ClusterAccess: Difference(more={"password": SECRET}),
    ProductInstance: Difference(
        more={"decide": "three choices in words, for cluster and cluster_by_hand"},
        less={"cluster_by_hand": "is one of the three choices"},
    ),
}
REST = {
    LicenseServer: Difference(more={"client_secret": SECRET}),
    SmartAccount: Difference(
        more={"license_server": IDENTITY, "domain": IDENTITY, "client_id": CREDENTIALS, "client_secret": SECRET}
    ),
    Customer: Difference(more=PROXY),
    Cluster: Difference(more={**PROXY, "nodes": "rows of their own: a second form, an inline in the admin"}),
    ClusterAccess: Difference(more={"password": SECRET}),
}
ADMIN = {
    LicenseServer: Difference(more={"new_secret": SECRET}),
    SmartAccount: Difference(
        more={"license_server": IDENTITY, "domain": IDENTITY, "client_id": CREDENTIALS, "new_secret": SECRET}
    ),
    ClusterAccess: Difference(more={"cluster": IDENTITY, "new_password": SECRET}),
}
SERIALIZERS: dict[Any, Any] = {
    LicenseServer: rest.LicenseServerSerializer,
    SmartAccount: rest.SmartAccountSerializer,
    VirtualAccount: virtual_accounts.VirtualAccountSerializer,
    ProductInstance: product_instances.ProductInstanceSerializer,
    Subscription: subscriptions.SubscriptionSerializer,
    Customer: inventory.CustomerSerializer,
    Cluster: inventory.ClusterSerializer,
    ClusterAccess: cluster_access.AccessSerializer,
}


def forms() -> dict[Any, BaseForm]:
    """The page's form of each model, for a stored row."""
    on_prem = make.make_server(kind="on_prem")
    return {
        LicenseServer: LicenseServerForm(instance=on_prem),
        SmartAccount: SmartAccountForm(instance=make.make_smart_account()),
        VirtualAccount: VirtualAccountForm(make.make_virtual_account()),
        ProductInstance: ProductInstanceForm(make.make_instance()),
        Subscription: SubscriptionForm(),
        Customer: CustomerForm(),
        Cluster: ClusterForm(),
        ClusterAccess: ClusterAccessForm(make.make_cluster()),
    }


def expected(model: Any, differences: dict[Any, Difference]) -> set[str]:
    difference = differences.get(model, Difference())
    assert set(difference.less) <= set(model.OWN)
    assert not set(difference.more) & set(model.OWN)
    return {*model.OWN, *difference.more} - set(difference.less)


def test_page_has_what_people_may_set(acme: Partner) -> None:
    found = {model: set(form.fields) for model, form in forms().items()}

    assert found == {model: expected(model, PAGE) for model in SERIALIZERS}


def test_rest_has_what_people_may_set() -> None:
    found = {
        model: {name for name, member in serializer().fields.items() if not member.read_only}
        for model, serializer in SERIALIZERS.items()
    }

    assert found == {model: expected(model, REST) for model in SERIALIZERS}


def test_admin_has_what_people_may_set(acme: Partner, client_of: Any) -> None:
    request = client_of(acme, "owner").get("/admin/").wsgi_request
    found = {model: set(partner_site._registry[model].get_form(request).base_fields) for model in SERIALIZERS}

    assert found == {model: expected(model, ADMIN) for model in SERIALIZERS}


@pytest.mark.parametrize("model", SERIALIZERS)
def test_rest_shows_all_that_people_may_set(model: Any) -> None:
    shown = {name for name, member in SERIALIZERS[model]().fields.items() if not member.write_only}

    assert set(model.OWN) <= shown


# --- what REST and admin could not set before ---


def test_rest_keeps_notes_and_decides_the_cluster_of_an_instance(acme: Partner, globex: Partner, api_of: Any) -> None:
    with tenant_context(globex):
        theirs = make.make_instance(host_name="cucm.harbor.example")
    pool, cluster = make.make_virtual_account(), make.make_cluster({"cucm.harbor.example": "publisher"})
    instance, api = make.make_instance(host_name="cucm.harbor.example"), api_of(acme, "operator")
    path = f"/api/v1/product-instances/{instance.pk}/"
    matching.match_clusters()
    sent: list[dict[str, Any]] = [
        {"note": " Spare "},
        {"cluster": None},
        {"cluster_by_hand": False},
        {"cluster_by_hand": True},
        {"cluster": None, "cluster_by_hand": True},
        {"cluster": cluster.pk},
    ]

    noted = api.patch(f"/api/v1/virtual-accounts/{pool.pk}/", {"note": "For trials"}).json()
    answers = [api.patch(path, values).json() for values in sent]

    assert noted["note"] == "For trials"
    assert [(row["cluster"], row["cluster_by_hand"], row["note"]) for row in answers] == [
        (cluster.pk, False, "Spare"),
        (None, True, "Spare"),
        (cluster.pk, False, "Spare"),
        (cluster.pk, True, "Spare"),
        (None, True, "Spare"),
        (cluster.pk, True, "Spare"),
    ]
    assert api.get(path).json() == answers[-1]
    with tenant_context(globex):
        theirs.refresh_from_db()
        assert (theirs.cluster, theirs.cluster_by_hand, theirs.note) == (None, False, "")


def test_named_cluster_that_the_portal_shall_find_is_refused(acme: Partner, api_of: Any) -> None:
    cluster, instance = make.make_cluster(), make.make_instance()

    answer = api_of(acme).patch(
        f"/api/v1/product-instances/{instance.pk}/", {"cluster": cluster.pk, "cluster_by_hand": False}
    )

    assert answer.status_code == 400
    assert answer.json()["errors"] == {
        "cluster_by_hand": [
            "A cluster that you name counts as a decision by hand. Name the cluster, or let the portal find it."
        ]
    }
    instance.refresh_from_db()
    assert (instance.cluster, instance.cluster_by_hand) == (None, False)


def test_rest_writes_no_mirrored_column(acme: Partner, api_of: Any) -> None:
    instance = make.make_instance(host_name="cucm.harbor.example")

    answer = api_of(acme).patch(f"/api/v1/product-instances/{instance.pk}/", {"host_name": "other.example"})

    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["host_name"])


def test_admin_sets_all_of_a_smart_account(acme: Partner, client_of: Any) -> None:
    owner, server = client_of(acme, "owner"), make.make_server()
    values = {
        "name": "Acme",
        "sync_every": "06:00:00",
        "approve_transfers": "on",
        "transfer_headroom": "7",
        "cssm_alerts_configured": "on",
        "credentials_expire_on": "2030-01-31",
        "hcmf_host": "hcmf.example",
        "hcmf_version": "12.5SU2",
    }
    posted = {"license_server": server.pk, "domain": "acme.example", "client_id": "", "new_secret": ""}

    added = owner.post(reverse("admin:accounts_smartaccount_add"), {**posted, **values})

    row = SmartAccount.objects.get()
    assert added.status_code == 302
    assert {name: getattr(row, name) for name in SmartAccount.OWN} == {
        "name": "Acme",
        "sync_every": timedelta(hours=6),
        "approve_transfers": True,
        "transfer_headroom": 7,
        "cssm_alerts_configured": True,
        "credentials_expire_on": date(2030, 1, 31),
        "hcmf_host": "hcmf.example",
        "hcmf_version": "12.5SU2",
    }
    owner.post(reverse("admin:accounts_smartaccount_change", args=[row.pk]), {**values, "hcmf_version": "14"})
    row.refresh_from_db()
    assert (row.hcmf_version, row.approve_transfers) == ("14", True)


def test_admin_takes_a_decision_by_hand_back(acme: Partner, client_of: Any) -> None:
    cluster = make.make_cluster({"cucm.harbor.example": "publisher"})
    instance = make.make_instance(host_name="cucm.harbor.example")
    owner, address = client_of(acme, "owner"), reverse("admin:mirror_productinstance_change", args=[instance.pk])
    parts = {f"usage-{name}": "0" for name in ("TOTAL_FORMS", "INITIAL_FORMS")}
    seen = []
    for values in ({"cluster_by_hand": "on"}, {}, {"cluster": cluster.pk, "cluster_by_hand": "on", "note": "Spare"}):
        assert owner.post(address, {**parts, **values}).status_code == 302
        instance.refresh_from_db()
        seen.append((instance.cluster, instance.cluster_by_hand, instance.note))

    assert seen == [(None, True, ""), (cluster, False, ""), (cluster, True, "Spare")]
