"""What people do with servers, accounts and pools: refusals, audit, and what stays."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from kit.refusals import Refusal
from licensing.accounts import clients, servers, smart_accounts
from licensing.accounts.models import LicenseServer, SmartAccount
from licensing.assignments import pool_settings
from licensing.assignments.models import Assignment
from licensing.cisco.emulator.state import Account
from licensing.mirror.models import (
    InstanceUsage,
    License,
    LicenseForecast,
    ProductInstance,
    UsageSample,
    VirtualAccount,
)
from licensing.mirror.sync import runs
from licensing.operations import lifecycle, removal, syncing
from people.audit import SYSTEM, snapshot
from people.models import AuditEntry
from tenants.models import Partner
from tests.cisco.test_tls import AUTHORITY
from tests.factories import make_assignment, make_cluster, make_server, make_smart_account, make_virtual_account


@pytest.fixture
def pool(acme: Partner) -> VirtualAccount:
    return make_virtual_account(name="Pool", smart_account=make_smart_account(name="Acme", domain="acme.example"))


def refusal_of(verb: Callable[[], object]) -> tuple[str, str, str]:
    before = AuditEntry.objects.count()
    with pytest.raises(Refusal) as refused:
        verb()
    assert AuditEntry.objects.count() == before
    return refused.value.message, refused.value.next_step, refused.value.field


def actions() -> list[tuple[str, str, dict[str, list[object]]]]:
    return list(AuditEntry.objects.order_by("pk").values_list("action", "object_label", "changes"))


def test_new_server_is_saved_and_audited_without_its_secret(acme: Partner) -> None:
    server = LicenseServer(
        name="Cloud",
        api_base_url="https://api.example/x",
        token_url="https://id.example/t",
        client_id="id",
        client_secret="top-secret",
    )

    servers.save_server(SYSTEM, server)

    assert actions() == [("added", "Cloud", {})]
    assert LicenseServer.objects.get().client_secret.reveal() == "top-secret"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ftp://x.example",
        "https://",
        "https://user@x.example",
        "javascript:1",
        "https://x.example\\@10.0.0.1/",
        "https://x.example?y=/",
        "https://x.example#/y",
        "https://x.example /",
        "//x.example/",
    ],
)
def test_server_needs_addresses(acme: Partner, address: str) -> None:
    server = LicenseServer(name="Cloud", api_base_url=address, token_url="https://id.example/t")

    assert refusal_of(lambda: servers.save_server(SYSTEM, server)) == (
        "This is not a valid address.",
        "Enter it with https:// and the host name.",
        "api_base_url",
    )


KEY_AND_ALL = "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("pem", "message"),
    [
        ("not a certificate", "The CA certificate of this server cannot be read."),
        ("für uns", "The CA certificate of this server cannot be read."),
        (AUTHORITY.pem + KEY_AND_ALL, "This text contains a private key."),
    ],
)
def test_what_is_no_ca_certificate_is_refused(acme: Partner, pem: str, message: str) -> None:
    server = make_server(name="On-Prem", kind="on_prem")
    before = snapshot(server)
    server.ca_certificate = pem

    said, next_step, field = refusal_of(lambda: servers.save_server(SYSTEM, server, before))

    assert (said, field) == (message, "ca_certificate")
    assert next_step
    assert LicenseServer.objects.get().ca_certificate == ""


def test_ca_certificate_may_have_remarks_in_any_language(acme: Partner) -> None:
    server = make_server(name="On-Prem", kind="on_prem")
    before = snapshot(server)
    server.ca_certificate = f"Für die Prüfung\n{AUTHORITY.pem}"

    servers.save_server(SYSTEM, server, before)

    with clients.client_for(LicenseServer.objects.get()) as client:
        assert client.config.ca_pem.startswith("Für")


def test_two_servers_of_one_name_are_refused(acme: Partner) -> None:
    server = make_server(name="Cloud")
    again = LicenseServer(name="Cloud", api_base_url=server.api_base_url, token_url=server.token_url)

    message, _, field = refusal_of(lambda: servers.save_server(SYSTEM, again))

    assert (message, field) == ("License server with this Name already exists.", "name")


def test_new_address_forgets_the_last_test(acme: Partner) -> None:
    server = make_server(check_status="ok", check_message="Connected.", visible_accounts=[{"domain": "x"}])
    before = snapshot(server)
    server.api_base_url = "https://other.example/x"

    servers.save_server(SYSTEM, server, before)

    server.refresh_from_db()
    assert (server.check_status, server.check_message, server.visible_accounts) == ("", "", [])


def test_server_in_use_is_not_deleted(pool: VirtualAccount) -> None:
    server = pool.smart_account.license_server

    assert refusal_of(lambda: removal.delete_server(SYSTEM, server)) == (
        f"{server.name} is in use by Acme.",
        "Remove its smart accounts and move its clusters first.",
        "",
    )


def test_unused_server_is_deleted_and_audited(acme: Partner) -> None:
    removal.delete_server(SYSTEM, make_server(name="Old"))

    assert (LicenseServer.objects.count(), actions()) == (0, [("deleted", "Old", {})])


def test_added_account_takes_name_and_type_from_what_the_credentials_see(acme: Partner) -> None:
    seen = {"domain": "Acme.example", "name": "Acme Inc", "type": "HOLDING", "roles": []}
    server = make_server(visible_accounts=[seen])

    account = smart_accounts.add_smart_account(SYSTEM, server, " acme.example ")

    assert (account.domain, account.name, account.account_type) == ("acme.example", "Acme Inc", "HOLDING")
    assert actions() == [("added", "Acme Inc", {})]


@pytest.mark.parametrize("domain", ["", "acme", "a/b.example", "http://acme.example", "a b.example", "acme.example?"])
def test_what_is_no_domain_is_refused(acme: Partner, domain: str) -> None:
    server = make_server()

    assert refusal_of(lambda: smart_accounts.add_smart_account(SYSTEM, server, domain)) == (
        f"{domain!r} is not an account domain.",
        "Enter it as CSSM shows it: acme.example.",
        "domain",
    )


def test_local_account_on_prem_may_have_any_name(acme: Partner) -> None:
    account = smart_accounts.add_smart_account(SYSTEM, make_server(kind="on_prem"), "WORLD WIDE & CO")

    assert account.domain == "WORLD WIDE & CO"


def test_account_is_added_once(pool: VirtualAccount) -> None:
    server = pool.smart_account.license_server

    message, _, field = refusal_of(lambda: smart_accounts.add_smart_account(SYSTEM, server, "ACME.example"))

    assert (message, field) == (f"ACME.example of {server.name} was added before.", "domain")


def test_interval_outside_of_its_bounds_is_refused(acme: Partner) -> None:
    server = make_server()
    too_often = timedelta(minutes=1)

    refusal_of(lambda: smart_accounts.add_smart_account(SYSTEM, server, "acme.example", sync_every=too_often))

    assert SmartAccount.objects.count() == 0


def test_domain_of_an_account_does_not_change(pool: VirtualAccount) -> None:
    account = pool.smart_account
    before = snapshot(account)
    account.domain = "other.example"

    message, _, field = refusal_of(lambda: smart_accounts.save_smart_account(SYSTEM, account, before))

    assert (message, field) == ("The domain of a smart account cannot change.", "domain")


def test_changed_secret_is_audited_as_a_mask(pool: VirtualAccount) -> None:
    servers.change_secret(SYSTEM, pool.smart_account, "own-id", "own-secret")

    account = SmartAccount.objects.get()
    assert (account.client_id, account.client_secret.reveal()) == ("own-id", "own-secret")
    assert actions() == [
        ("changed secret", "Acme", {"client_id": ["", "own-id"], "client_secret": ["", "••••••"]}),
    ]


@pytest.mark.parametrize(("client_id", "secret", "field"), [("id", "", "client_secret"), ("", "secret", "client_id")])
def test_half_of_the_credentials_is_refused(pool: VirtualAccount, client_id: str, secret: str, field: str) -> None:
    account = pool.smart_account

    assert refusal_of(lambda: servers.change_secret(SYSTEM, account, client_id, secret)) == (
        "Client ID and secret belong together.",
        "Enter both.",
        field,
    )


def test_paused_account_can_be_resumed_once(pool: VirtualAccount) -> None:
    account = pool.smart_account
    lifecycle.pause(SYSTEM, account)
    refusal_of(lambda: lifecycle.pause(SYSTEM, account))
    lifecycle.resume(SYSTEM, account)
    refusal_of(lambda: lifecycle.resume(SYSTEM, account))

    assert SmartAccount.objects.get().paused_at is None
    assert [action for action, *_ in actions()] == ["paused", "resumed"]


def test_account_with_assigned_clusters_is_not_removed(pool: VirtualAccount) -> None:
    make_assignment(virtual_account=pool, cluster=make_cluster(name="Harbor"))
    account = pool.smart_account

    assert refusal_of(lambda: lifecycle.remove(SYSTEM, account)) == (
        "Acme cannot be removed while Harbor is assigned.",
        "End that assignment first.",
        "",
    )
    assert VirtualAccount.objects.count() == 1


def test_account_that_is_being_synced_is_not_removed(pool: VirtualAccount) -> None:
    runs.request(pool.smart_account, "test")

    message, _, _ = refusal_of(lambda: lifecycle.remove(SYSTEM, pool.smart_account))

    assert message == "Acme is being synced."


def test_removed_account_goes_with_everything_mirrored(account: SmartAccount, cisco: Account) -> None:
    other = make_virtual_account(name="of another account")
    run, _ = runs.request(account, "test")
    syncing.run_sync(run)
    pool = VirtualAccount.objects.get(name="DEFAULT")
    make_assignment(virtual_account=pool, ended_at=timezone.now())
    LicenseForecast.objects.bulk_create(
        LicenseForecast(license=row, day=timezone.localdate()) for row in License.objects.all()
    )

    lifecycle.remove(SYSTEM, account)

    assert list(VirtualAccount.objects.all()) == [other]
    mirrored = (License, ProductInstance, InstanceUsage, UsageSample, LicenseForecast, Assignment)
    assert [model.objects.count() for model in mirrored] == [0, 0, 0, 0, 0, 0]
    assert actions()[-1] == ("removed", "Account", {"pools": [2, 0]})


def test_one_pool_of_each_purpose(pool: VirtualAccount) -> None:
    second = make_virtual_account(smart_account=pool.smart_account, name="Second")
    pool_settings.set_purpose(SYSTEM, pool, "ordered")

    assert refusal_of(lambda: pool_settings.set_purpose(SYSTEM, second, "ordered")) == (
        "Pool is the ordered pool of this smart account already.",
        "Set Pool to general first.",
        "purpose",
    )
    pool_settings.set_purpose(SYSTEM, second, "operational")
    assert actions() == [
        ("changed", "Pool", {"purpose": ["general", "ordered"]}),
        ("changed", "Second", {"purpose": ["general", "operational"]}),
    ]


def test_pool_with_clusters_does_not_become_the_ordered_one(pool: VirtualAccount) -> None:
    make_assignment(virtual_account=pool, cluster=make_cluster(name="Harbor"))

    message, _, _ = refusal_of(lambda: pool_settings.set_purpose(SYSTEM, pool, "ordered"))

    assert message == "Pool cannot become the ordered pool while Harbor is assigned."


def test_license_mode_changes_only_without_clusters(pool: VirtualAccount) -> None:
    pool_settings.set_license_mode(SYSTEM, pool, "hcs")
    make_assignment(virtual_account=pool, cluster=make_cluster(name="Harbor"))

    assert refusal_of(lambda: pool_settings.set_license_mode(SYSTEM, pool, "enterprise")) == (
        "The license mode of Pool cannot change while Harbor is assigned.",
        "End that assignment first.",
        "license_mode",
    )
    pool_settings.set_license_mode(SYSTEM, pool, "hcs")
    assert VirtualAccount.objects.get().license_mode == "hcs"


@pytest.mark.parametrize("verb", [pool_settings.set_purpose, pool_settings.set_license_mode])
def test_unknown_words_are_refused(pool: VirtualAccount, verb: Callable[..., None]) -> None:
    refusal_of(lambda: verb(SYSTEM, pool, "nonsense"))
