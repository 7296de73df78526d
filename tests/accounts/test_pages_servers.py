"""Pages of license servers and smart accounts, against Cisco's side over HTTP where they need it."""

from typing import Any

import pytest
from django.utils import timezone
from django_tenants.utils import tenant_context

from licensing.accounts import schedules
from licensing.accounts.models import LicenseServer, SmartAccount
from licensing.cisco.emulator.server import EmulatorThread
from licensing.mirror.models import SyncRun
from licensing.operations import tasks
from people.models import AuditEntry
from tenants import schedule
from tenants.models import Partner
from tests import factories as make

QUERIES = 7  # host (two schema switches around it), session, user, count, rows


def page(response: Any) -> str:
    return str(response.content.decode())


def server_of(emulator: EmulatorThread, **values: Any) -> LicenseServer:
    return make.make_server(api_base_url=emulator.base_url, token_url=emulator.token_url, **values)


CLOUD = {
    "name": "Cisco cloud",
    "api_base_url": "https://127.0.0.2/services/api/smart-accounts-and-licensing",
    "token_url": "https://127.0.0.2/oauth2/default/v1/token",
    "client_id": "client-1",
    "client_secret": "secret-1",
}
ON_PREM = {"name": "Our satellite", "host": "127.0.0.3", "version": "8-202404", "verify_tls": "on"}


def test_new_server_offers_the_addresses_of_its_kind(acme: Partner, client_of: Any) -> None:
    client = client_of(acme, "owner")

    cloud, on_prem = page(client.get("/license-servers/add/")), page(client.get("/license-servers/add/?kind=on_prem"))

    assert 'value="https://swapi.cisco.com/services/api/smart-accounts-and-licensing"' in cloud
    assert 'value="https://id.cisco.com/oauth2/default/v1/token"' in cloud
    assert 'name="ca_certificate"' not in cloud
    assert 'name="ca_certificate"' in on_prem


def test_owner_adds_a_cloud_server_and_its_test_starts(acme: Partner, client_of: Any) -> None:
    response = client_of(acme, "owner").post("/license-servers/add/", CLOUD)

    server = LicenseServer.objects.get()
    assert response["Location"] == f"/license-servers/{server.pk}/"
    assert (server.kind, server.client_id, server.client_secret.reveal()) == ("cloud", "client-1", "secret-1")
    assert server.check_status == "running"
    assert [entry.action for entry in AuditEntry.objects.all()] == ["added"]


def test_on_prem_addresses_follow_from_the_host(acme: Partner, client_of: Any) -> None:
    client_of(acme, "owner").post("/license-servers/add/?kind=on_prem", ON_PREM)

    server = LicenseServer.objects.get()
    assert (server.kind, server.version, server.verify_tls) == ("on_prem", "8-202404", True)
    assert server.api_base_url == "https://127.0.0.3:8443/api/v1"
    assert server.token_url == "https://127.0.0.3:8443/backend/oauth/token"


@pytest.mark.parametrize(
    ("typed", "status", "message"),
    [
        ({"api_base_url": "https://169.254.169.254/latest"}, 409, "an address that license servers may not have here"),
        ({"token_url": "ftp://127.0.0.2/"}, 422, "Enter an address that begins with https://."),
        ({"api_base_url": "https://10.1.2.3/x"}, 409, "an address that license servers may not have here"),
        ({"client_secret": ""}, 422, "This field is required."),
        ({"name": ""}, 422, "This field is required."),
    ],
)
def test_unfit_server_is_refused_and_keeps_what_was_typed(
    acme: Partner, client_of: Any, typed: Any, status: int, message: str
) -> None:
    response = client_of(acme, "owner").post("/license-servers/add/", {**CLOUD, **typed})

    assert response.status_code == status
    assert message in page(response).replace("&#x27;", "'")
    assert 'value="client-1"' in page(response)
    assert "secret-1" not in page(response)
    assert LicenseServer.objects.count() == 0


def test_name_that_is_taken_is_said(acme: Partner, client_of: Any) -> None:
    make.make_server(name="Cisco cloud")

    response = client_of(acme, "owner").post("/license-servers/add/", CLOUD)

    assert response.status_code == 422
    assert "License server with this Name already exists." in page(response)


def test_private_address_is_for_on_prem_servers(acme: Partner, client_of: Any) -> None:
    response = client_of(acme, "owner").post("/license-servers/add/?kind=on_prem", {**ON_PREM, "host": "10.1.2.3"})

    assert response.status_code == 302
    assert LicenseServer.objects.get().api_base_url == "https://10.1.2.3:8443/api/v1"


def test_edit_keeps_the_secret_and_never_shows_it(acme: Partner, client_of: Any) -> None:
    server = make.make_server(name="Old", client_secret="hide-me")
    client, address = client_of(acme, "owner"), f"/license-servers/{server.pk}"
    values = {"name": "New", "api_base_url": server.api_base_url, "token_url": server.token_url}

    response = client.post(f"{address}/edit/", values)

    server.refresh_from_db()
    assert response["Location"] == f"{address}/"
    assert (server.name, server.client_secret.reveal()) == ("New", "hide-me")
    shown = (
        page(client.get(f"{address}/")) + page(client.get(f"{address}/edit/")) + page(client.get(f"{address}/secret/"))
    )
    assert "hide-me" not in shown
    assert "set, not shown" in shown


def test_credentials_change_together_or_stay(acme: Partner, client_of: Any) -> None:
    server = make.make_server(client_id="old-client", client_secret="old-secret")
    client, address = client_of(acme, "owner"), f"/license-servers/{server.pk}/secret/"

    kept = client.post(address, {"client_id": "old-client", "client_secret": ""})
    half = client.post(address, {"client_id": "new-client", "client_secret": ""})
    done = client.post(address, {"client_id": "new-client", "client_secret": "new-secret"})

    assert [response.status_code for response in (kept, half, done)] == [302, 422, 302]
    assert "Enter the secret of this client ID." in page(half)
    server.refresh_from_db()
    assert (server.client_id, server.client_secret.reveal()) == ("new-client", "new-secret")
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.changes["client_id"]) == ("changed secret", ["old-client", "new-client"])
    assert "new-secret" not in str(entry.changes)


def test_connection_test_tells_what_the_credentials_see(
    acme: Partner, client_of: Any, emulator: EmulatorThread
) -> None:
    emulator.state.add("seen.example", "Seen Account")
    server = server_of(emulator)
    client, address = client_of(acme, "owner"), f"/license-servers/{server.pk}"

    client.post(f"{address}/check/")
    waiting = page(client.get(f"{address}/check/"))
    tasks.check_connection(server.pk)
    answered = page(client.get(f"{address}/check/"))

    assert f'hx-get="{address}/check/"' in waiting
    assert "Connected. The credentials see 1 smart account." in answered
    assert "hx-get" not in answered


def test_connection_test_says_why_it_was_refused_and_what_to_do(
    acme: Partner, client_of: Any, emulator: EmulatorThread
) -> None:
    server = server_of(emulator, client_secret="wrong")

    tasks.check_connection(server.pk)

    answered = page(client_of(acme, "viewer").get(f"/license-servers/{server.pk}/"))
    assert "Refused" in answered
    assert "Check client ID and secret." in answered


def test_accounts_are_chosen_from_what_the_credentials_see(
    acme: Partner, client_of: Any, emulator: EmulatorThread
) -> None:
    for domain in ("one.example", "two.example", "here.example"):
        emulator.state.add(domain, f"Account {domain}")
    server = server_of(emulator)
    make.make_smart_account(license_server=server, domain="here.example", name="Here")
    tasks.check_connection(server.pk)
    client, address = client_of(acme, "owner"), f"/license-servers/{server.pk}/accounts/"

    asked = page(client.get(address))
    none = client.post(address, {})
    done = client.post(address, {"domains": ["one.example", "two.example"]})

    assert [f'value="{name}.example"' in asked for name in ("one", "two", "here")] == [True, True, False]
    assert "is here already" in asked
    assert none.status_code == 422
    assert done["Location"] == "/smart-accounts/"
    added = SmartAccount.objects.exclude(domain="here.example")
    assert sorted(added.values_list("domain", "name")) == [
        ("one.example", "Account one.example"),
        ("two.example", "Account two.example"),
    ]
    assert all(schedule.next_run_at("sync", account.pk) for account in added)
    assert AuditEntry.objects.filter(action="added").count() == 2


def test_account_is_named_by_hand_and_a_second_one_is_refused(acme: Partner, client_of: Any) -> None:
    server = make.make_server()
    client, address = client_of(acme, "owner"), f"/license-servers/{server.pk}/accounts/"

    wrong = client.post(address, {"domain": "not a domain"})
    first = client.post(address, {"domain": "mine.example"})
    second = client.post(address, {"domain": "MINE.example"})

    assert [response.status_code for response in (wrong, first, second)] == [409, 302, 409]
    assert "is not an account domain. Enter it as CSSM shows it" in page(wrong)
    assert "was added before" in page(second)
    assert 'value="MINE.example"' in page(second)
    assert SmartAccount.objects.count() == 1


def test_server_in_use_is_not_deleted(acme: Partner, client_of: Any) -> None:
    account = make.make_smart_account(name="In use")
    client, address = client_of(acme, "owner"), f"/license-servers/{account.license_server_id}/delete/"

    asked, refused = client.get(address), client.post(address)

    assert (asked.status_code, refused.status_code) == (200, 409)
    assert "The smart account In use is read through it: remove that first." in page(asked)
    assert "Delete license server</button>" not in page(asked)
    assert LicenseServer.objects.count() == 1
    account.delete()
    assert client.post(address)["Location"] == "/license-servers/"
    assert LicenseServer.objects.count() == 0


def test_sync_starts_once_and_its_progress_is_shown(acme: Partner, client_of: Any) -> None:
    account = make.make_smart_account()
    client, address = client_of(acme, "operator"), f"/smart-accounts/{account.pk}"

    client.post(f"{address}/sync/")
    client.post(f"{address}/sync/")
    run = SyncRun.objects.get()
    shown = page(client.get(f"{address}/sync/", HTTP_HX_REQUEST="true"))
    SyncRun.objects.update(status="succeeded", finished_at=timezone.now())
    over = client.get(f"{address}/sync/", HTTP_HX_REQUEST="true")

    assert (run.requested_by, run.status) == ("operator@acme.example", "queued")
    assert f'hx-get="{address}/sync/"' in shown
    assert over["HX-Refresh"] == "true"


def test_paused_account_is_not_synced_until_it_is_resumed(acme: Partner, client_of: Any) -> None:
    account = make.make_smart_account(name="Sleeper")
    schedules.plan_sync(account)
    client, address = client_of(acme, "owner"), f"/smart-accounts/{account.pk}"

    paused = client.post(f"{address}/pause/")
    assert schedule.next_run_at("sync", account.pk) is None
    refused = client.post(f"{address}/sync/", follow=True)
    again = client.post(f"{address}/pause/")
    resumed = client.post(f"{address}/resume/", follow=True)

    assert (paused.status_code, again.status_code) == (302, 409)
    assert "Sleeper is paused. Resume it first." in page(refused)
    assert "The next sync starts within moments." in page(resumed)
    assert schedule.next_run_at("sync", account.pk) is not None
    assert SyncRun.objects.count() == 0
    assert [entry.action for entry in AuditEntry.objects.order_by("pk")] == ["paused", "resumed"]


def test_account_with_assigned_clusters_is_not_removed(acme: Partner, client_of: Any) -> None:
    account = make.make_smart_account(name="Busy")
    pool = make.make_virtual_account(smart_account=account, name="Pool")
    cluster = make.make_cluster(name="Core", customer=make.make_customer(name="Hospital"))
    assignment = make.make_assignment(cluster=cluster, virtual_account=pool)
    client, address = client_of(acme, "owner"), f"/smart-accounts/{account.pk}/remove/"

    asked, refused = client.get(address), client.post(address)

    assert (asked.status_code, refused.status_code) == (200, 409)
    assert "Core of Hospital is assigned to Pool: end that first." in page(asked)
    assert "Remove smart account</button>" not in page(asked)
    assert SmartAccount.objects.filter(pk=account.pk).exists()
    assignment.ended_at = timezone.now()
    assignment.save()
    assert client.post(address)["Location"] == "/smart-accounts/"
    assert not SmartAccount.objects.filter(pk=account.pk).exists()


def test_interval_and_name_are_edited(acme: Partner, client_of: Any) -> None:
    account = make.make_smart_account(name="Old")
    client, address = client_of(acme, "owner"), f"/smart-accounts/{account.pk}"

    wrong = client.post(f"{address}/edit/", {"name": "New", "sync_every": "1"})
    done = client.post(f"{address}/edit/", {"name": "New", "sync_every": "3600"})

    assert (wrong.status_code, done.status_code) == (422, 302)
    account.refresh_from_db()
    assert (account.name, account.sync_every.total_seconds()) == ("New", 3600)
    assert AuditEntry.objects.get().changes == {"name": ["Old", "New"], "sync_every": ["1 day, 0:00:00", "1:00:00"]}


def test_own_credentials_of_an_account_give_way_to_the_servers(acme: Partner, client_of: Any) -> None:
    account = make.make_smart_account(client_id="own", client_secret="own-secret")
    client, address = client_of(acme, "owner"), f"/smart-accounts/{account.pk}/secret/"

    response = client.post(address, {"client_id": "", "client_secret": ""})

    account.refresh_from_db()
    assert response.status_code == 302
    assert (account.client_id, bool(account.client_secret)) == ("", False)


OWNERS_WRITES = [
    "license-servers/add/",
    "license-servers/{server}/edit/",
    "license-servers/{server}/secret/",
    "license-servers/{server}/delete/",
    "license-servers/{server}/check/",
    "license-servers/{server}/accounts/",
    "smart-accounts/{account}/edit/",
    "smart-accounts/{account}/secret/",
    "smart-accounts/{account}/pause/",
    "smart-accounts/{account}/resume/",
    "smart-accounts/{account}/remove/",
]


@pytest.mark.parametrize("role", ["operator", "viewer"])
def test_servers_and_accounts_are_changed_by_owners(acme: Partner, client_of: Any, role: str) -> None:
    account = make.make_smart_account()
    client = client_of(acme, role)
    numbers = {"server": account.license_server_id, "account": account.pk}

    answers = {path: client.post("/" + path.format(**numbers), CLOUD).status_code for path in OWNERS_WRITES}

    assert answers == dict.fromkeys(OWNERS_WRITES, 403)
    assert client.get(f"/license-servers/{account.license_server_id}/").status_code == 200
    assert client.get(f"/smart-accounts/{account.pk}/").status_code == 200
    assert client.post(f"/smart-accounts/{account.pk}/sync/").status_code == (302 if role == "operator" else 403)
    assert AuditEntry.objects.count() == 0


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(("path", "more"), [("/license-servers/", 0), ("/smart-accounts/", 1)])
def test_lists_need_the_same_queries_for_more_rows(
    acme: Partner, globex: Partner, client_of: Any, django_assert_num_queries: Any, rows: int, path: str, more: int
) -> None:
    """One `more` for the syncs that are running."""
    with tenant_context(globex):
        make.make_smart_account(name="globex account")
    for number in range(rows):
        make.make_sync_run(smart_account=make.make_smart_account(name=f"account {number}"))
    client = client_of(acme, "viewer")
    client.get(path)

    with django_assert_num_queries(QUERIES + more):
        shown = page(client.get(path))

    assert shown.count('class="title"') == rows
    assert "globex account" not in shown


def test_account_notes_the_hcmf_that_works_with_it(acme: Partner, client_of: Any, api_of: Any) -> None:
    account, client = make.make_smart_account(name="Acme Account"), client_of(acme, "owner")
    address, rest = f"/smart-accounts/{account.pk}", f"/api/v1/smart-accounts/{account.pk}/"
    assert "<dt>HCM-F</dt>" not in page(client.get(f"{address}/"))

    values = {"name": "Acme Account", "sync_every": "3600", "hcmf_host": "hcmf.example", "hcmf_version": "12.5SU1"}
    assert client.post(f"{address}/edit/", values).status_code == 302
    assert "<dt>HCM-F</dt><dd>hcmf.example 12.5SU1</dd>" in page(client.get(f"{address}/"))

    changed = api_of(acme).patch(rest, {"hcmf_version": "12.5SU2"}).json()
    assert (changed["hcmf_host"], changed["hcmf_version"]) == ("hcmf.example", "12.5SU2")
    assert api_of(acme, "operator").patch(rest, {"hcmf_version": ""}).status_code == 403
    assert list(api_of(acme).patch(rest, {"hcmf_version": "1" * 31}).json()["errors"]) == ["hcmf_version"]


@pytest.mark.parametrize("rows", [1, 3])
def test_account_page_needs_the_same_queries_for_more_pools(
    acme: Partner, client_of: Any, django_assert_num_queries: Any, rows: int
) -> None:
    account = make.make_smart_account()
    for _ in range(rows):
        make.make_license(virtual_account=make.make_virtual_account(smart_account=account), quantity=1, in_use=2)
        make.make_sync_run(smart_account=account)
    client = client_of(acme, "owner")
    client.get(f"/smart-accounts/{account.pk}/")

    with django_assert_num_queries(11):
        shown = page(client.get(f"/smart-accounts/{account.pk}/"))

    assert shown.count('<span class="short">1</span>') == rows


LISTS = (
    "license-servers",
    "smart-accounts",
    "registration-tokens",
    "customers",
    "clusters",
    "assignments",
    "alerts",
    "users",
    "api-tokens",
    "audit",
)


@pytest.mark.parametrize("name", LISTS)
def test_every_filter_of_every_list_has_a_name(acme: Partner, client_of: Any, name: str) -> None:
    shown = page(client_of(acme, "owner").get(f"/{name}/"))

    assert "[invalid name]" not in shown
    assert 'type="search"' in shown
