"""The provider's admin: the registry is written in public, people and log stay in the provider's schema."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.urls import reverse
from django_tenants.utils import schema_context, tenant_context

from people.models import AuditEntry, Role, User
from tenants import schedule
from tenants.admin import provider_site
from tenants.models import Domain, Partner, ScheduledJob
from tenants.provisioning import suspend
from tenants.tasks import HEADER, PartnerUnavailable

PROVIDER_URLS = "portal.urls_provider"


@pytest.fixture
def staff(provider: Partner, client_of: Any) -> Any:
    """A provider's administrator on the provider's host."""
    return client_of(provider, "owner")


def address(model: str, page: str, *args: Any) -> str:
    app = "people" if model in {"user", "auditentry"} else "tenants"
    return reverse(f"admin:{app}_{model}_{page}", urlconf=PROVIDER_URLS, args=args)


def run(client: Any, model: str, action: str, *rows: Any, **values: Any) -> list[str]:
    """Choose an action of a list; the messages that it tells."""
    data = {"action": action, "_selected_action": [row.pk for row in rows], **values}
    response = client.post(address(model, "changelist"), data, follow=True)
    return [str(message) for message in response.context["messages"]]


def audited() -> list[tuple[str, str, str]]:
    """(actor, action, object type) in the provider's schema, oldest first."""
    with schema_context("provider"):
        return list(AuditEntry.objects.order_by("id").values_list("actor", "action", "object_type"))


WHO = "provider@portal.example"


# --- Who gets in ---


def test_superusers_get_in_and_nobody_else(provider: Partner, staff: Any, client_of: Any) -> None:
    assert staff.get("/admin/").status_code == 200
    assert client_of(provider).get("/admin/", follow=True).redirect_chain[-1][0] == "/accounts/login/?next=/admin/"

    with tenant_context(provider):
        User.objects.create_user("helper@portal.example", "helper-pass-1", role=Role.VIEWER)
    assert client_of(provider, "viewer").get("/admin/", follow=True).status_code == 403


def test_start_page_of_the_providers_host_leads_to_its_admin(staff: Any) -> None:
    assert staff.get("/")["Location"] == "/admin/"


def test_provider_staff_are_strangers_at_partners(staff: Any, acme: Partner) -> None:
    response = staff.get("/admin/", SERVER_NAME="acme.localhost", follow=True)

    assert response.redirect_chain[-1] == ("/accounts/login/?next=/admin/", 302)


def test_only_registry_and_own_people_are_here(staff: Any) -> None:
    assert sorted(model._meta.label for model in provider_site._registry) == [
        "people.AuditEntry",
        "people.User",
        "tenants.Domain",
        "tenants.Partner",
        "tenants.ScheduledJob",
    ]
    assert staff.get("/admin/mirror/license/").status_code == 404


def test_every_page_answers(staff: Any, acme: Partner) -> None:
    schedule.plan("sync", schedule.timedelta(days=1), 7)
    for model, row in (
        ("partner", acme),
        ("domain", Domain.objects.get(domain="acme.localhost")),
        ("scheduledjob", ScheduledJob.objects.get(subject_id=7)),
    ):
        assert staff.get(address(model, "changelist")).status_code == 200
        assert staff.get(address(model, "change", row.pk)).status_code == 200
    for model in ("partner", "domain", "user"):
        assert staff.get(address(model, "add")).status_code == 200


# --- Partners ---

NEW = {
    "name": "Initech",
    "schema_name": "initech",
    "domain": "Initech.localhost",
    "owner_email": "owner@initech.example",
    "owner_password": "a-long-password",
}


def test_partner_is_added_ready_to_sign_in_and_audited(committed: None, in_partner: Any, client_of: Any) -> None:
    staff = client_of(Partner.objects.get(schema_name="provider"), "owner")

    response = staff.post(address("partner", "add"), NEW)

    partner = Partner.objects.get(schema_name="initech")
    assert response["Location"] == address("partner", "change", partner.pk)
    assert (partner.ready, list(partner.domains.values_list("domain", flat=True))) == (True, ["initech.localhost"])
    with in_partner("initech"):
        owner = User.objects.get()
        assert (owner.email, owner.check_password("a-long-password"), owner.is_superuser) == (
            "owner@initech.example",
            True,
            False,
        )
        assert AuditEntry.objects.count() == 0
    assert audited() == [(WHO, "added", "partner")]
    with schema_context("provider"):
        assert LogEntry.objects.get().object_repr == "Initech"
        assert "a-long-password" not in str(AuditEntry.objects.get().changes)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"schema_name": "public"}, "is reserved"),
        ({"schema_name": "a; drop"}, "is not allowed"),
        ({"schema_name": "acme"}, "Another partner has the schema name"),
        ({"schema_name": "oldpartner"}, "still exists in the database"),
        ({"domain": "acme.localhost"}, "belongs to another partner"),
        ({"domain": "no host"}, "Enter a host name"),
        ({"owner_email": "nobody"}, "is not an email address"),
        ({"owner_password": "short"}, "too short"),
        ({"owner_password": ""}, "too short"),
    ],
)
def test_partner_that_may_not_be_is_refused_with_the_reason(
    staff: Any, acme: Partner, wrong: dict[str, str], reason: str
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA oldpartner")

    response = staff.post(address("partner", "add"), {**NEW, **wrong})

    assert reason in str(response.context["errors"])
    assert response.context["adminform"].form["name"].value() == "Initech"
    assert sorted(Partner.objects.values_list("schema_name", flat=True)) == ["acme", "globex", "provider"]
    assert audited() == []


def test_partner_is_renamed_in_the_registry_from_the_providers_host(staff: Any, acme: Partner) -> None:
    values = {"name": "Acme & Sons", "schema_name": "other", "domains-TOTAL_FORMS": 0, "domains-INITIAL_FORMS": 0}

    staff.post(address("partner", "change", acme.pk), values)

    acme.refresh_from_db()
    assert (acme.name, acme.schema_name, acme.ready) == ("Acme & Sons", "acme", True)
    with schema_context("provider"):
        assert AuditEntry.objects.get().changes == {"name": ["Acme", "Acme & Sons"]}
        assert LogEntry.objects.count() == 1
    with tenant_context(acme):
        assert (AuditEntry.objects.count(), LogEntry.objects.count()) == (0, 0)


def test_partner_is_never_deleted(staff: Any, acme: Partner) -> None:
    assert staff.post(address("partner", "delete", acme.pk), {"post": "yes"}).status_code == 403
    run(staff, "partner", "delete_selected", acme, post="yes")

    assert Partner.objects.filter(pk=acme.pk).exists()


def test_suspended_partner_shows_its_page_and_its_tasks_do_not_run(
    staff: Any, acme: Partner, client_of: Any, globex: Partner
) -> None:
    owner = client_of(acme, "owner")
    assert owner.get("/admin/").status_code == 200

    assert run(staff, "partner", "suspend", acme, reason="unpaid") == ["Suspended: 1."]

    acme.refresh_from_db()
    assert (acme.active, acme.suspended_reason) == (False, "unpaid")
    for path in ("/", "/admin/", "/api/v1/licenses/"):
        assert owner.get(path).status_code == 403
    assert "suspended.html" in {template.name for template in owner.get("/").templates}
    assert client_of(globex, "owner").get("/admin/").status_code == 200
    assert audited() == [(WHO, "suspended", "partner")]


def test_tasks_of_a_suspended_partner_do_not_run_until_it_is_resumed(staff: Any, acme: Partner) -> None:
    from licensing.operations.tasks import evaluate_alerts

    schedule.plan("sync", schedule.timedelta(days=1), 7, first_at=acme.created_at)
    suspend(acme, "unpaid")
    assert "sync" not in {job.job for job in schedule.take_due()}
    with pytest.raises(PartnerUnavailable, match="suspended"):
        evaluate_alerts.apply(headers={HEADER: "acme"}, throw=True)

    assert run(staff, "partner", "resume", acme) == ["Resumed: 1."]

    acme.refresh_from_db()
    assert (acme.active, acme.suspended_reason) == (True, "")
    assert "sync" in {job.job for job in schedule.take_due()}
    assert audited() == [(WHO, "resumed", "partner")]


def test_provider_cannot_be_suspended_and_nobody_twice(staff: Any, provider: Partner, acme: Partner) -> None:
    suspend(acme, "first reason")

    assert run(staff, "partner", "suspend", provider)[0].startswith("The provider cannot be suspended.")
    assert run(staff, "partner", "suspend", acme) == ["Acme is already suspended."]
    acme.refresh_from_db()
    assert (acme.suspended_reason, audited()) == ("first reason", [])


# --- Domains ---


def test_domain_is_added_reaches_its_partner_and_is_deleted(staff: Any, acme: Partner, client_of: Any) -> None:
    staff.post(address("domain", "add"), {"tenant": acme.pk, "domain": "Second.Localhost"})

    domain = Domain.objects.get(domain="second.localhost")
    login = client_of(acme).get("/accounts/login/", SERVER_NAME="second.localhost")
    assert login.wsgi_request.tenant.schema_name == "acme"

    staff.post(address("domain", "delete", domain.pk), {"post": "yes"})
    assert client_of(acme).get("/accounts/login/", SERVER_NAME="second.localhost").status_code == 404
    assert audited() == [(WHO, "added", "domain"), (WHO, "deleted", "domain")]


def test_domain_is_not_handed_from_one_partner_to_another(staff: Any, acme: Partner, globex: Partner) -> None:
    domain = Domain.objects.get(domain="acme.localhost")
    values = {"tenant": globex.pk, "domain": "stolen.localhost", "is_primary": "on"}

    staff.post(address("domain", "change", domain.pk), values)

    domain.refresh_from_db()
    assert (domain.domain, domain.tenant_id) == ("acme.localhost", acme.pk)


def test_last_domain_of_a_partner_stays(staff: Any, acme: Partner) -> None:
    domain = Domain.objects.get(domain="acme.localhost")

    response = staff.post(address("domain", "delete", domain.pk), {"post": "yes"}, follow=True)

    assert next(str(message) for message in response.context["messages"]).startswith(
        "acme.localhost is the only domain of Acme."
    )
    assert (Domain.objects.filter(pk=domain.pk).exists(), audited()) == (True, [])


@pytest.mark.parametrize("domain", ["acme.localhost", "with space", "host:8000"])
def test_domain_that_is_taken_or_none_is_refused(staff: Any, globex: Partner, domain: str) -> None:
    response = staff.post(address("domain", "add"), {"tenant": globex.pk, "domain": domain})

    assert "domain" in response.context["adminform"].form.errors
    assert Domain.objects.filter(tenant=globex).count() == 1


# --- What is due, and staff ---


def test_what_is_due_is_shown_and_not_written(staff: Any, acme: Partner) -> None:
    schedule.plan("sync", schedule.timedelta(days=1), 7, first_at=acme.created_at)
    job = ScheduledJob.objects.get(subject_id=7)

    assert "Due" in staff.get(address("scheduledjob", "changelist")).content.decode()
    suspend(acme, "unpaid")
    assert "Waits: suspended" in staff.get(address("scheduledjob", "changelist")).content.decode()
    assert staff.get(address("scheduledjob", "add")).status_code == 403
    for page in ("change", "delete"):
        assert staff.post(address("scheduledjob", page, job.pk), {"post": "yes"}).status_code == 403


def test_staff_are_administrators_of_the_provider_alone(staff: Any, provider: Partner, acme: Partner) -> None:
    values = {"email": "second@portal.example", "name": "Second", "password": "long-enough-1"}

    staff.post(address("user", "add"), values)

    with tenant_context(provider):
        user = User.objects.get(email="second@portal.example")
        assert (user.is_superuser, user.role) == (True, Role.OWNER)
    with tenant_context(acme):
        assert User.objects.filter(email="second@portal.example").count() == 0
    assert audited() == [(WHO, "added", "user")]


def test_last_administrator_cannot_be_deactivated(staff: Any, provider: Partner) -> None:
    with tenant_context(provider):
        me = User.objects.get()

    assert "cannot deactivate yourself" in run(staff, "user", "deactivate", me)[0]
    assert audited() == []
