"""The partner's admin: owners alone, verbs' rules, mirrored tables only shown, every write in the audit."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse
from django_tenants.utils import tenant_context

from licensing.accounts.models import LicenseServer, SmartAccount
from licensing.alerts.models import Alert, AlertRule
from licensing.assignments.models import Assignment
from licensing.fleet.models import Cluster, Customer
from licensing.mirror.models import VirtualAccount
from people.admin_site import partner_site
from people.models import AuditEntry, User
from tenants.models import Partner, ScheduledJob
from tests import factories as make

SHOWN_ONLY = {
    "license",
    "registrationtoken",
    "syncrun",
    "change",
    "usagesample",
    "alert",
    "apitoken",
    "auditentry",
    "cssmalert",
    "savedfilter",
}
OWN_COLUMNS = {
    "virtualaccount": ["purpose", "license_mode", "cost_center", "region", "owner", "note"],
    "productinstance": ["cluster", "cluster_by_hand", "note"],
    "subscription": ["customer", "license_model", "note"],
}


@pytest.fixture
def owner(acme: Partner, client_of: Any) -> Any:
    return client_of(acme, "owner")


def address(model: str, page: str, *args: Any) -> str:
    app = next(row._meta.app_label for row in partner_site._registry if row._meta.model_name == model)
    return reverse(f"admin:{app}_{model}_{page}", args=args)


def audited() -> list[tuple[str, str, str]]:
    """(actor, action, object type), oldest first."""
    return list(AuditEntry.objects.order_by("id").values_list("actor", "action", "object_type"))


def told(response: Any) -> list[str]:
    """The messages that the next page shows."""
    return [str(message) for message in response.context["messages"]]


def problems(response: Any) -> str:
    return str(response.context["errors"])


def run(client: Any, model: str, action: str, *rows: Any) -> Any:
    """Choose an action of a list, follow it."""
    values = {"action": action, "_selected_action": [row.pk for row in rows]}
    return client.post(address(model, "changelist"), values, follow=True)


NO_NODES = {"nodes-TOTAL_FORMS": 0, "nodes-INITIAL_FORMS": 0}
NO_PROXY = {"proxy-TOTAL_FORMS": 0, "proxy-INITIAL_FORMS": 0}


# --- Who gets in ---


def test_owner_gets_in_others_are_refused_and_strangers_sent_to_sign_in(acme: Partner, client_of: Any) -> None:
    assert client_of(acme, "owner").get("/admin/").status_code == 200
    for role in ("operator", "viewer"):
        assert client_of(acme, role).get("/admin/", follow=True).status_code == 403
    stranger = client_of(acme).get("/admin/fleet/customer/")
    assert (stranger.status_code, stranger["Location"]) == (302, "/accounts/login/?next=/admin/fleet/customer/")


def test_admins_own_sign_in_leads_to_the_portals(acme: Partner, client_of: Any) -> None:
    response = client_of(acme).get("/admin/login/?next=/admin/fleet/customer/")
    assert response["Location"] == "/accounts/login/?next=/admin/fleet/customer/"

    response = client_of(acme).get("/admin/login/?next=https://evil.example/")
    assert response["Location"] == "/accounts/login/?next=/admin/"


def test_sign_out_and_password_are_the_portals(owner: Any) -> None:
    assert owner.get("/admin/password_change/")["Location"] == reverse("account_change_password")
    owner.post("/admin/logout/")
    assert owner.get("/admin/").status_code == 302


@pytest.mark.parametrize("host", ["globex.localhost", "localhost"])
def test_owner_of_one_partner_is_a_stranger_to_every_other_admin(owner: Any, globex: Partner, host: str) -> None:
    response = owner.get("/admin/", SERVER_NAME=host, follow=True)

    assert response.redirect_chain[-1] == ("/accounts/login/?next=/admin/", 302)


def test_registry_and_django_groups_are_not_here(owner: Any) -> None:
    apps = {
        "accounts",
        "alerts",
        "assignments",
        "channels",
        "figures",
        "fleet",
        "mirror",
        "orders",
        "people",
        "pools",
        "statements",
    }
    assert {model._meta.app_label for model in partner_site._registry} == apps
    for path in ("tenants/partner/", "tenants/domain/", "auth/group/", "admin/logentry/"):
        assert owner.get(f"/admin/{path}").status_code == 404


# --- What is shown, and what may be written ---


def test_every_list_and_add_page_answers(owner: Any) -> None:
    for model, registered in partner_site._registry.items():
        name = model._meta.model_name
        assert owner.get(address(name, "changelist")).status_code == 200, name
        assert owner.get(address(name, "changelist"), {"q": "x"}).status_code == 200, name
        addable = registered.has_add_permission(owner.get("/admin/").wsgi_request)
        assert owner.get(address(name, "add")).status_code == (200 if addable else 403), name


def test_mirrored_and_historical_rows_are_never_written(owner: Any) -> None:
    for model, registered in partner_site._registry.items():
        name = model._meta.model_name
        request = owner.get("/admin/").wsgi_request
        may = [registered.has_add_permission(request), registered.has_change_permission(request)]
        may.append(registered.has_delete_permission(request))
        if name in SHOWN_ONLY:
            assert may == [False, False, False], name
        elif name in OWN_COLUMNS:
            assert may == [False, True, False], name
            assert list(registered.get_form(request).base_fields) == OWN_COLUMNS[name], name
        assert "delete_selected" not in registered.get_actions(request), name


def test_posting_mirrored_columns_changes_only_our_own(owner: Any) -> None:
    pool = make.make_virtual_account(name="va-1", description="Cisco's words")
    values = {"name": "mine", "description": "mine", "purpose": "operational", "license_mode": "", "note": "ours"}

    owner.post(address("virtualaccount", "change", pool.pk), values)

    pool.refresh_from_db()
    assert (pool.name, pool.description, pool.purpose, pool.note) == ("va-1", "Cisco's words", "operational", "ours")
    assert audited() == [("owner@acme.example", "changed", "virtualaccount")] * 2


def test_license_page_shows_lines_and_no_way_to_change_them(owner: Any) -> None:
    line = make.make_line(subscription_id="Sub4711")

    page = owner.get(address("license", "change", line.license.pk)).content.decode()

    assert "Sub4711" in page
    assert 'name="_save"' not in page
    assert owner.post(address("license", "change", line.license.pk), {"name": "x"}).status_code == 403


# --- Servers and accounts ---

SERVER = {
    "name": "Cloud",
    "kind": "cloud",
    "api_base_url": "http://127.0.0.1:1/services/api/smart-accounts-and-licensing",
    "token_url": "http://127.0.0.1:1/oauth2/default/v1/token",
    "client_id": "demo",
    "verify_tls": "on",
}


def test_secret_goes_in_is_kept_when_empty_and_never_comes_out(owner: Any) -> None:
    owner.post(address("licenseserver", "add"), {**SERVER, "new_secret": "unmistakable"})
    server = LicenseServer.objects.get()
    assert server.client_secret.reveal() == "unmistakable"

    owner.post(address("licenseserver", "change", server.pk), {**SERVER, "name": "Renamed"})
    server.refresh_from_db()
    assert (server.name, server.client_secret.reveal()) == ("Renamed", "unmistakable")

    page = owner.get(address("licenseserver", "change", server.pk)).content.decode()
    assert "unmistakable" not in page
    assert server.client_secret.sealed not in page
    assert "unmistakable" not in str(list(AuditEntry.objects.values_list("changes")))
    assert audited() == [
        ("owner@acme.example", "added", "licenseserver"),
        ("owner@acme.example", "changed", "licenseserver"),
    ]


def test_address_that_every_sync_would_refuse_is_refused_at_its_field(owner: Any) -> None:
    values = {**SERVER, "token_url": "https://169.254.169.254/token"}

    response = owner.post(address("licenseserver", "add"), values)

    assert "may not have here" in str(response.context["adminform"].form.errors["token_url"])
    assert LicenseServer.objects.count() == 0


def test_unreadable_ca_certificate_is_refused_at_its_field(owner: Any) -> None:
    response = owner.post(address("licenseserver", "add"), {**SERVER, "ca_certificate": "garbage"})

    assert "cannot be read" in str(response.context["adminform"].form.errors["ca_certificate"])
    assert LicenseServer.objects.count() == 0


def test_server_in_use_is_not_deleted(owner: Any) -> None:
    account = make.make_smart_account()

    response = owner.post(address("licenseserver", "delete", account.license_server.pk), {"post": "yes"}, follow=True)

    assert told(response)[0].startswith(f"{account.license_server} is in use by {account}.")
    assert LicenseServer.objects.count() == 1
    assert (audited(), LogEntry.objects.count()) == ([], 0)


def test_account_is_added_planned_paused_and_removed_by_the_verbs(owner: Any) -> None:
    server = make.make_server()
    values = {
        "license_server": server.pk,
        "domain": "new.example",
        "name": "New",
        "sync_every": "1 00:00:00",
        "transfer_headroom": 5,
    }

    owner.post(address("smartaccount", "add"), values)
    account = SmartAccount.objects.get()
    assert ScheduledJob.objects.filter(job="sync", subject_id=account.pk).count() == 1
    assert told(run(owner, "smartaccount", "pause", account))[-1] == "Paused: 1."
    assert ScheduledJob.objects.filter(job="sync").count() == 0
    assert told(run(owner, "smartaccount", "pause", account))[0].startswith("New is paused already.")
    owner.post(address("smartaccount", "delete", account.pk), {"post": "yes"})
    assert SmartAccount.objects.count() == 0
    assert [action for _, action, _ in audited()] == ["added", "paused", "removed"]


def test_account_whose_pool_is_assigned_is_not_removed(owner: Any) -> None:
    assigned = make.make_assignment()
    account = assigned.virtual_account.smart_account

    response = owner.post(address("smartaccount", "delete", account.pk), {"post": "yes"}, follow=True)

    assert "is assigned" in told(response)[0]
    assert SmartAccount.objects.count() == 1


def test_new_credentials_of_an_account_need_both_and_keep_what_was_typed(owner: Any) -> None:
    account = make.make_smart_account()
    values = {"name": "Typed", "sync_every": "1 00:00:00", "transfer_headroom": 5, "client_id": "own"}

    response = owner.post(address("smartaccount", "change", account.pk), values)
    assert "belong together" in problems(response)
    assert response.context["adminform"].form["name"].value() == "Typed"

    owner.post(address("smartaccount", "change", account.pk), {**values, "new_secret": "own-secret"})
    account.refresh_from_db()
    assert (account.name, account.client_id, account.client_secret.reveal()) == ("Typed", "own", "own-secret")
    assert [action for _, action, _ in audited()] == ["changed secret", "changed"]


def test_second_ordered_pool_is_refused_at_its_field(owner: Any) -> None:
    first = make.make_virtual_account(purpose="ordered")
    second = make.make_virtual_account(smart_account=first.smart_account)
    values = {"purpose": "ordered", "license_mode": "", "note": "kept while typing"}

    response = owner.post(address("virtualaccount", "change", second.pk), values)

    assert f"{first} is the ordered pool" in str(response.context["adminform"].form.errors["purpose"])
    assert response.context["adminform"].form["note"].value() == "kept while typing"
    assert VirtualAccount.objects.get(pk=second.pk).purpose == "general"


# --- Customers, clusters, assignments ---


def cluster_values(customer: Customer, *nodes: tuple[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {
        "customer": customer.pk,
        "name": "UC",
        "application": "cucm",
        "version": "14.0.1",
        "deployment": "hcs",
        "nodes-TOTAL_FORMS": len(nodes),
        "nodes-INITIAL_FORMS": 0,
        **NO_PROXY,
    }
    for place, (host_name, role) in enumerate(nodes):
        values |= {f"nodes-{place}-host_name": host_name, f"nodes-{place}-role": role}
    return values


def test_cluster_with_nodes_is_added_by_the_verb(owner: Any) -> None:
    customer = make.make_customer()

    owner.post(
        address("cluster", "add"),
        cluster_values(customer, ("pub.example", "publisher"), ("sub.example", "subscriber")),
    )

    cluster = Cluster.objects.get()
    assert list(cluster.nodes.values_list("host_name", "role")) == [
        ("pub.example", "publisher"),
        ("sub.example", "subscriber"),
    ]
    assert audited() == [
        ("owner@acme.example", "added", "cluster"),
        ("owner@acme.example", "changed nodes", "cluster"),
    ]


def test_cluster_with_two_publishers_is_refused_and_nothing_is_kept(owner: Any) -> None:
    customer = make.make_customer()

    response = owner.post(
        address("cluster", "add"), cluster_values(customer, ("a.example", "publisher"), ("b.example", "publisher"))
    )

    assert "exactly one publisher" in problems(response)
    assert (Cluster.objects.count(), audited(), LogEntry.objects.count()) == (0, [], 0)


def test_assigned_cluster_is_not_deleted_and_an_ended_one_is(owner: Any) -> None:
    assigned = make.make_assignment()
    cluster = assigned.cluster

    response = owner.post(address("cluster", "delete", cluster.pk), {"post": "yes"}, follow=True)
    assert told(response)[0].startswith(f"{cluster} is assigned to {assigned.virtual_account}.")
    assert told(run(owner, "assignment", "end", assigned)) == ["Ended: 1."]

    owner.post(address("cluster", "delete", cluster.pk), {"post": "yes"})
    assert Cluster.objects.count() == 0
    assert [action for _, action, _ in audited()] == ["ended", "deleted"]


def test_customer_is_deleted_with_its_consequences_said(owner: Any) -> None:
    customer = make.make_customer()
    make.make_subscription(customer=customer, license_model="named_user")

    asked = owner.get(address("customer", "delete", customer.pk)).content.decode()
    owner.post(address("customer", "delete", customer.pk), {"post": "yes"})

    assert "Its subscriptions then have no customer." in asked
    assert [action for _, action, _ in audited()] == ["mapped", "deleted"]


def test_second_assignment_of_a_cluster_is_refused(owner: Any) -> None:
    assigned = make.make_assignment()
    values = {"cluster": assigned.cluster.pk, "virtual_account": make.make_virtual_account().pk}

    response = owner.post(address("assignment", "add"), values)

    assert "already assigned" in problems(response)
    assert Assignment.objects.count() == 1


def test_assignment_is_made_by_the_verb(owner: Any) -> None:
    values = {"cluster": make.make_cluster().pk, "virtual_account": make.make_pool().pk}

    owner.post(address("assignment", "add"), values)

    assert Assignment.objects.get().started_by == "owner@acme.example"
    assert audited() == [("owner@acme.example", "assigned", "assignment")]


def test_proxy_of_a_customer_keeps_its_password_when_left_empty(owner: Any) -> None:
    customer = make.make_customer(name="Umbrella")
    proxy = {"proxy-TOTAL_FORMS": 1, "proxy-0-host": "proxy.example", "proxy-0-port": 3128, "proxy-0-username": "u"}
    values = {"name": "Umbrella", "note": "", **proxy}
    page = address("customer", "change", customer.pk)

    owner.post(page, {**values, "proxy-INITIAL_FORMS": 0, "proxy-0-new_password": "unmistakable"})
    customer.refresh_from_db()
    kept = {"proxy-INITIAL_FORMS": 1, "proxy-0-id": customer.proxy.pk, "proxy-0-customer": customer.pk}
    owner.post(page, {**values, **kept, "proxy-0-port": 8080})

    customer = Customer.objects.get()
    assert (customer.proxy.port, customer.proxy.password.reveal()) == (8080, "unmistakable")
    assert "unmistakable" not in owner.get(page).content.decode()
    owner.post(page, {**values, **kept, "proxy-0-DELETE": "on"})
    assert not hasattr(Customer.objects.get(), "proxy")
    assert [action for _, action, _ in audited()] == ["changed proxy", "changed proxy", "removed proxy"]


def test_customer_with_clusters_is_not_deleted(owner: Any) -> None:
    cluster = make.make_cluster()

    response = owner.post(address("customer", "delete", cluster.customer.pk), {"post": "yes"}, follow=True)

    assert told(response)[0].startswith(f"{cluster.customer} has 1 cluster: {cluster}.")
    assert Customer.objects.count() == 1


def test_instance_is_given_a_cluster_by_hand(owner: Any) -> None:
    instance, cluster = make.make_instance(), make.make_cluster()
    empty = {"usage-TOTAL_FORMS": 0, "usage-INITIAL_FORMS": 0}

    owner.post(address("productinstance", "change", instance.pk), {"cluster": cluster.pk, "note": "seen", **empty})

    instance.refresh_from_db()
    assert (instance.cluster, instance.cluster_by_hand, instance.note) == (cluster, True, "seen")


# --- Alerts ---


def test_alerts_are_acknowledged_and_closed_ones_refused(owner: Any) -> None:
    alert, closed = make.make_alert(), make.make_alert(closed_at="2026-01-01T00:00:00Z")

    messages = told(run(owner, "alert", "acknowledge", alert, closed))

    assert sorted(message[:30] for message in messages) == ["Acknowledged: 1.", "This alert has already closed."]
    assert Alert.objects.get(pk=alert.pk).owner == User.objects.get(role="owner")


def test_alert_rule_is_changed_within_its_bounds_and_audited(owner: Any) -> None:
    rule = AlertRule.objects.get(kind="instance_silent")
    page = address("alertrule", "change", rule.pk)

    refused = owner.post(page, {"name": rule.name, "enabled": "on", "threshold": 36_501, "severity": "major"})
    owner.post(page, {"name": rule.name, "enabled": "on", "threshold": 14, "severity": "major"})

    assert "threshold" in refused.context["adminform"].form.errors
    rule.refresh_from_db()
    assert (rule.threshold, rule.severity) == (14, "major")
    assert AuditEntry.objects.get().changes == {"threshold": [30, 14], "severity": ["minor", "major"]}


# --- People ---


def test_user_is_added_with_a_password_and_told_apart_by_role(owner: Any) -> None:
    values = {"email": "New@Acme.example", "name": "New", "role": "viewer"}

    refused = owner.post(address("user", "add"), values)
    owner.post(address("user", "add"), {**values, "password": "long-enough-1"})

    assert "password" in refused.context["adminform"].form.errors
    user = User.objects.get(email="new@acme.example")
    assert (user.role, user.check_password("long-enough-1"), user.is_superuser) == ("viewer", True, False)
    assert audited() == [("owner@acme.example", "added", "user")]


def test_last_owner_neither_steps_down_nor_is_deactivated(owner: Any, acme_users: dict[str, Any]) -> None:
    me = acme_users["owner"]
    values = {"email": me.email, "name": "", "role": "viewer", "password": ""}

    assert "cannot change your own role" in problems(owner.post(address("user", "change", me.pk), values))
    assert "cannot deactivate yourself" in told(run(owner, "user", "deactivate", me))[0]
    me.refresh_from_db()
    assert (me.role, me.is_active, audited()) == ("owner", True, [])


def test_users_are_deactivated_and_never_deleted(owner: Any, acme_users: dict[str, Any]) -> None:
    viewer = acme_users["viewer"]

    assert told(run(owner, "user", "deactivate", viewer)) == ["Deactivated: 1."]

    viewer.refresh_from_db()
    assert viewer.is_active is False
    assert owner.post(address("user", "delete", viewer.pk), {"post": "yes"}).status_code == 403


def test_admin_log_and_audit_stay_with_their_partner(owner: Any, globex: Partner) -> None:
    owner.post(address("customer", "add"), {"name": "Umbrella", "note": "", **NO_PROXY})

    assert (LogEntry.objects.count(), AuditEntry.objects.count()) == (1, 1)
    with tenant_context(globex):
        assert (LogEntry.objects.count(), AuditEntry.objects.count(), Customer.objects.count()) == (0, 0, 0)
