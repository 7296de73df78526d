"""REST acts: on servers, accounts, pools, tokens, fleet, assignments, alerts and rules, through the verbs."""

from typing import Any

import pytest

from licensing.accounts.models import LicenseServer, SmartAccount
from licensing.accounts.schedules import next_sync_at
from licensing.alerts.models import Alert
from licensing.fleet.models import Proxy
from licensing.mirror.models import ProductInstance, RegistrationToken, SyncRun
from people.models import AuditEntry
from tenants.models import Partner
from tests import factories as make

SERVER = {
    "name": "Cloud",
    "kind": "cloud",
    "api_base_url": "https://203.0.114.9/services/api/smart-accounts-and-licensing",
    "token_url": "https://203.0.114.9/oauth2/default/v1/token",
    "client_id": "client",
    "client_secret": "secret",
}
WRITES = {
    "operator": [
        ("post", "/customers/"),
        ("patch", "/customers/{id}/"),
        ("put", "/customers/{id}/"),
        ("delete", "/customers/{id}/"),
        ("post", "/clusters/"),
        ("patch", "/clusters/{id}/"),
        ("put", "/clusters/{id}/"),
        ("delete", "/clusters/{id}/"),
        ("post", "/assignments/"),
        ("post", "/assignments/{id}/end/"),
        ("patch", "/virtual-accounts/{id}/"),
        ("patch", "/product-instances/{id}/"),
        ("post", "/registration-tokens/"),
        ("patch", "/registration-tokens/{id}/"),
        ("post", "/smart-accounts/{id}/sync/"),
        ("post", "/alerts/{id}/acknowledge/"),
    ],
    "owner": [
        ("post", "/license-servers/"),
        ("patch", "/license-servers/{id}/"),
        ("delete", "/license-servers/{id}/"),
        ("post", "/license-servers/{id}/check/"),
        ("post", "/smart-accounts/"),
        ("patch", "/smart-accounts/{id}/"),
        ("delete", "/smart-accounts/{id}/"),
        ("post", "/smart-accounts/{id}/pause/"),
        ("post", "/smart-accounts/{id}/resume/"),
        ("patch", "/alert-rules/{id}/"),
    ],
}
NOWHERE = 99_999_999


@pytest.mark.parametrize(
    ("role", "scope", "may"),
    [
        ("viewer", "write", set()),
        ("operator", "read", set()),
        ("owner", "read", set()),
        ("operator", "write", {"operator"}),
        ("owner", "write", {"operator", "owner"}),
    ],
)
def test_role_and_scope_open_each_write(acme: Partner, api_of: Any, role: str, scope: str, may: set[str]) -> None:
    api = api_of(acme, role, scope)

    for needed, calls in WRITES.items():
        for method, path in calls:
            answer = getattr(api, method)("/api/v1" + path.format(id=NOWHERE), {})
            expected = {400, 404} if needed in may else {403}
            assert answer.status_code in expected, (method, path)


# --- servers and accounts ---


def test_server_is_made_changed_and_deleted_without_showing_its_secret(acme: Partner, api_of: Any) -> None:
    api = api_of(acme)
    made = api.post("/api/v1/license-servers/", SERVER)
    path = f"/api/v1/license-servers/{made.json()['id']}/"
    changed = api.patch(path, {"name": "Renamed", "client_secret": ""})
    kept = LicenseServer.objects.get().client_secret.reveal()
    gone = api.delete(path)

    assert (made.status_code, changed.status_code, gone.status_code) == (201, 200, 204)
    assert {name: made.json()[name] for name in SERVER if name != "client_secret"} == {
        name: value for name, value in SERVER.items() if name != "client_secret"
    }
    assert "client_secret" not in made.json()
    assert (changed.json()["name"], kept, LicenseServer.objects.count()) == ("Renamed", "secret", 0)
    actions = AuditEntry.objects.filter(object_type="licenseserver").order_by("id").values_list("action", flat=True)
    assert list(actions) == ["added", "changed", "deleted"]


def test_token_url_of_an_on_prem_server_follows_from_its_host(acme: Partner, api_of: Any) -> None:
    api, body = api_of(acme), {name: value for name, value in SERVER.items() if name != "token_url"}
    on_prem = {**body, "kind": "on_prem", "api_base_url": "https://SSM.example:8443/api/v1"}

    made = api.post("/api/v1/license-servers/", on_prem)
    path = f"/api/v1/license-servers/{made.json()['id']}/"
    own = api.patch(path, {"token_url": "https://ssm.example:9443/oauth/token"}).json()
    kept = api.patch(path, {"version": "8"}).json()
    derived = api.patch(path, {"token_url": ""}).json()
    cloud = api.post("/api/v1/license-servers/", body)

    assert (made.status_code, made.json()["token_url"]) == (201, "https://ssm.example:8443/backend/oauth/token")
    assert own["token_url"] == kept["token_url"] == "https://ssm.example:9443/oauth/token"
    assert derived["token_url"] == "https://ssm.example:8443/backend/oauth/token"
    assert (cloud.status_code, list(cloud.json()["errors"])) == (400, ["token_url"])


@pytest.mark.parametrize("name", ["api_base_url", "token_url"])
@pytest.mark.parametrize(
    "address", ["https://169.254.169.254/latest", "ftp://203.0.114.9/", "https://u:p@203.0.114.9/", "x"]
)
def test_servers_stand_where_license_servers_may(acme: Partner, api_of: Any, name: str, address: str) -> None:
    answer = api_of(acme).post("/api/v1/license-servers/", {**SERVER, name: address})

    assert (answer.status_code, list(answer.json()["errors"]), LicenseServer.objects.count()) == (400, [name], 0)


def test_loopback_and_http_need_the_providers_leave(acme: Partner, api_of: Any, settings: Any) -> None:
    here = {**SERVER, "api_base_url": "http://127.0.0.1:1/api", "token_url": "http://127.0.0.1:1/token"}
    api = api_of(acme)
    settings.ALLOWED_NETWORKS, settings.ALLOW_HTTP = (), False
    refused = api.post("/api/v1/license-servers/", here)
    settings.ALLOWED_NETWORKS, settings.ALLOW_HTTP = ("127.0.0.0/8",), True

    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["api_base_url"])
    assert api.post("/api/v1/license-servers/", here).status_code == 201


def test_server_in_use_is_not_deleted(acme: Partner, api_of: Any) -> None:
    account = make.make_smart_account(name="Acme")

    answer = api_of(acme).delete(f"/api/v1/license-servers/{account.license_server_id}/")

    assert (answer.status_code, "is in use by Acme" in answer.json()["detail"]) == (409, True)
    assert answer.json()["next_step"] == "Remove its smart accounts and move its clusters first."


def test_account_is_added_planned_changed_and_removed(acme: Partner, api_of: Any) -> None:
    server, api = make.make_server(), api_of(acme)
    made = api.post("/api/v1/smart-accounts/", {"license_server": server.pk, "domain": "acme.example", "name": "Acme"})
    account = SmartAccount.objects.get()
    planned = next_sync_at(account)
    path = f"/api/v1/smart-accounts/{account.pk}/"
    changed = api.patch(path, {"name": "Renamed", "sync_every": "PT6H"})
    gone = api.delete(path)

    assert (made.status_code, changed.status_code, gone.status_code) == (201, 200, 204)
    shown = {name: made.json()[name] for name in ("license_server", "domain", "name", "client_id", "last_synced_at")}
    assert shown == {
        "license_server": server.pk,
        "domain": "acme.example",
        "name": "Acme",
        "client_id": "",
        "last_synced_at": None,
    }
    assert planned is not None
    assert (changed.json()["name"], changed.json()["sync_every"]) == ("Renamed", "P0DT06H00M00S")
    assert (SmartAccount.objects.count(), next_sync_at(account)) == (0, None)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"domain": "no domain"}, "domain"),
        ({"domain": "taken.example"}, "domain"),
        ({"client_id": "x"}, "client_secret"),
        ({"sync_every": "PT1M"}, ""),
        ({"sync_every": "soon"}, "sync_every"),
    ],
)
def test_bad_accounts_are_refused(acme: Partner, api_of: Any, values: dict[str, Any], field: str) -> None:
    server = make.make_smart_account(domain="taken.example").license_server

    answer = api_of(acme).post(
        "/api/v1/smart-accounts/", {"license_server": server.pk, "domain": "acme.example", **values}
    )

    assert answer.status_code == (400 if field else 409)
    assert list(answer.json().get("errors", {})) == ([field] if field else [])
    assert SmartAccount.objects.count() == 1


def test_own_credentials_come_and_go_together(acme: Partner, api_of: Any) -> None:
    account = make.make_smart_account()
    api, path = api_of(acme), f"/api/v1/smart-accounts/{account.pk}/"

    api.patch(path, {"client_id": "own", "client_secret": "hidden"})
    own = SmartAccount.objects.get()
    api.patch(path, {"client_id": ""})
    servers = SmartAccount.objects.get()

    assert (own.client_id, own.client_secret.reveal()) == ("own", "hidden")
    assert (servers.client_id, servers.client_secret.reveal()) == ("", "")


def test_account_pauses_and_resumes(acme: Partner, api_of: Any) -> None:
    account = make.make_smart_account()
    api, path = api_of(acme), f"/api/v1/smart-accounts/{account.pk}"

    answers = [api.post(f"{path}/{verb}/") for verb in ("pause", "pause", "resume", "resume")]

    assert [answer.status_code for answer in answers] == [200, 409, 200, 409]
    assert [answers[0].json()["paused_at"] is None, answers[2].json()["paused_at"]] == [False, None]


def test_sync_that_is_under_way_is_answered(acme: Partner, api_of: Any) -> None:
    account = make.make_smart_account()
    run = make.make_sync_run(smart_account=account, status="running", finished_at=None)
    SyncRun.objects.update(heartbeat_at=run.started_at)

    answer = api_of(acme, "operator").post(f"/api/v1/smart-accounts/{account.pk}/sync/")

    assert (answer.status_code, answer.json()["smart_account"]) == (202, account.pk)


def test_without_a_broker_it_is_503_and_nothing_is_left(acme: Partner, api_of: Any, no_broker: None) -> None:
    server = make.make_server()
    account = make.make_smart_account(license_server=server)
    api = api_of(acme)

    for path in (f"/api/v1/smart-accounts/{account.pk}/sync/", f"/api/v1/license-servers/{server.pk}/check/"):
        answer = api.post(path)
        assert (answer.status_code, answer["Content-Type"]) == (503, "application/problem+json")
        assert "the message broker does not answer" in answer.json()["detail"]
    server.refresh_from_db()
    assert (SyncRun.objects.count(), server.check_status) == (0, "")


# --- pools and tokens ---


def test_license_mode_is_locked_while_clusters_are_assigned(acme: Partner, api_of: Any) -> None:
    pool = make.make_assignment().virtual_account

    answer = api_of(acme).patch(
        f"/api/v1/virtual-accounts/{pool.pk}/", {"purpose": "operational", "license_mode": "hcs"}
    )

    pool.refresh_from_db()
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["license_mode"])
    assert (pool.purpose, pool.license_mode) == ("general", "")


@pytest.fixture
def pool_at_cisco(acme: Partner, emulator: Any) -> Any:
    emulator.state.add("acme.example", "Acme")
    server = make.make_server(api_base_url=emulator.base_url, token_url=emulator.token_url)
    account = make.make_smart_account(license_server=server, domain="acme.example")
    return make.make_virtual_account(smart_account=account, name="DEFAULT")


@pytest.mark.parametrize("days", [0, 366, "many", None])
def test_bad_terms_of_tokens_are_refused(acme: Partner, api_of: Any, pool_at_cisco: Any, days: Any) -> None:
    answer = api_of(acme).post(
        "/api/v1/registration-tokens/", {"virtual_account": pool_at_cisco.pk, "expires_after_days": days}
    )

    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["expires_after_days"])
    assert RegistrationToken.objects.count() == 0


# --- fleet ---


def test_proxy_is_set_changed_and_taken_away(acme: Partner, api_of: Any) -> None:
    api = api_of(acme, "operator")
    path = f"/api/v1/clusters/{make.make_cluster().pk}/"
    proxy = {"proxy_host": "proxy.example", "proxy_port": 3128, "proxy_username": "user", "proxy_password": "hidden"}

    with_proxy = api.patch(path, proxy)
    moved = api.patch(path, {"proxy_port": 8080})
    without = api.patch(path, {"proxy_host": ""})

    shown = [{name: answer.json().get(name) for name in proxy} for answer in (with_proxy, moved, without)]
    assert shown == [
        {**proxy, "proxy_password": None},
        {**proxy, "proxy_password": None, "proxy_port": 8080},
        {"proxy_host": "", "proxy_port": None, "proxy_username": "", "proxy_password": None},
    ]
    assert [answer.json()["transport"]["mode"] for answer in (with_proxy, moved, without)] == [
        "proxy",
        "proxy",
        "direct",
    ]
    assert "hidden" not in with_proxy.content.decode() + str(list(AuditEntry.objects.values()))


@pytest.mark.parametrize("collection", ["customers", "clusters"])
def test_null_means_no_proxy_and_a_body_that_was_read_is_taken_back(
    acme: Partner, api_of: Any, collection: str
) -> None:
    api, cluster = api_of(acme, "operator"), make.make_cluster()
    path = f"/api/v1/{collection}/{cluster.pk if collection == 'clusters' else cluster.customer_id}/"
    api.patch(path, {"proxy_host": "proxy.example", "proxy_port": 3128, "proxy_username": "u", "proxy_password": "p"})

    without_user = api.patch(path, {"proxy_username": None, "proxy_password": None}).json()
    nulls = dict.fromkeys(("proxy_host", "proxy_port", "proxy_username", "proxy_password"))
    without = api.patch(path, nulls)
    writable = {name: without.json()[name] for name in ("proxy_host", "proxy_port", "proxy_username")}
    again = api.patch(path, writable)

    assert (without_user["proxy_host"], without_user["proxy_username"]) == ("proxy.example", "")
    assert (without.status_code, again.status_code) == (200, 200)
    assert writable == {"proxy_host": "", "proxy_port": None, "proxy_username": ""}
    assert not Proxy.objects.exists()


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"proxy_host": "proxy.example"}, "proxy_port"),
        ({"proxy_port": 3128}, "proxy_host"),
        ({"proxy_host": "http://proxy.example", "proxy_port": 3128}, "proxy_host"),
        ({"proxy_host": "proxy.example", "proxy_port": 70000}, "proxy_port"),
    ],
)
def test_half_a_proxy_is_refused(acme: Partner, api_of: Any, values: dict[str, Any], field: str) -> None:
    answer = api_of(acme).post("/api/v1/customers/", {"name": "Harbor", **values})

    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])


def test_cluster_tells_transport_and_status(acme: Partner, api_of: Any) -> None:
    made = make.make_assignment()
    api, path = api_of(acme), f"/api/v1/clusters/{made.cluster_id}/"
    before = api.get(path).json()
    make.make_instance(virtual_account=made.virtual_account, cluster=made.cluster)

    assert (before["status"], api.get(path).json()["status"]) == ("assigned", "manually_registered")
    assert before["transport"] == {
        "mode": "direct",
        "rule": "no_proxy",
        "why": "No proxy is set on the cluster or on its customer. Cisco recommends a proxy.",
        "registration_url": None,
    }


def test_serials_of_nodes_stay_when_they_are_left_out(acme: Partner, api_of: Any) -> None:
    cluster = make.make_cluster({})
    api, path = api_of(acme), f"/api/v1/clusters/{cluster.pk}/"

    api.patch(path, {"nodes": [{"host_name": "a.example", "role": "publisher", "serial": "FCH1"}]})
    shown = api.patch(path, {"nodes": [{"host_name": "a.example"}, {"host_name": "b.example"}]}).json()["nodes"]

    assert shown == [
        {"host_name": "a.example", "role": "subscriber", "serial": "FCH1"},
        {"host_name": "b.example", "role": "subscriber"},
    ]


def test_serials_of_nodes_stay_in_whatever_letters_they_are_named(acme: Partner, api_of: Any) -> None:
    cluster, api = make.make_cluster({}), api_of(acme)
    path = f"/api/v1/clusters/{cluster.pk}/"
    api.patch(path, {"nodes": [{"host_name": "A.Example", "role": "publisher", "serial": "FCH1"}]})

    changed = api.patch(path, {"nodes": [{"host_name": "a.example", "role": "publisher"}]}).json()

    assert changed["nodes"] == [{"host_name": "a.example", "role": "publisher", "serial": "FCH1"}]


# --- alerts ---


def test_alert_is_acknowledged_by_who_is_first(acme: Partner, api_of: Any, acme_users: Any) -> None:
    alert = make.make_alert()
    path = f"/api/v1/alerts/{alert.pk}/acknowledge/"

    first, second = api_of(acme, "operator").post(path), api_of(acme, "owner").post(path)

    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json()["owner"] == second.json()["owner"] == acme_users["operator"].pk
    assert Alert.objects.get().acknowledged_at is not None


@pytest.mark.parametrize("threshold", [-1, 36_501, 2**70, "x"])
def test_thresholds_have_bounds(acme: Partner, api_of: Any, threshold: Any) -> None:
    rule = make.make_alert("instance_silent").rule

    answer = api_of(acme).patch(f"/api/v1/alert-rules/{rule.pk}/", {"threshold": threshold})

    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["threshold"])


def test_instances_filter_by_cluster_and_license(acme: Partner, api_of: Any) -> None:
    license_ = make.make_license()
    make.make_instance({"other": 1}, virtual_account=license_.virtual_account)
    found = make.make_instance(
        {license_.name: 1}, virtual_account=license_.virtual_account, cluster=make.make_cluster()
    )
    assert ProductInstance.objects.count() == 2

    for query in (f"cluster={found.cluster_id}", f"license={license_.pk}"):
        rows = api_of(acme).get(f"/api/v1/product-instances/?{query}").json()["results"]
        assert [row["id"] for row in rows] == [found.pk]


FORBIDDEN = [
    ("api_base_url", "https://[::ffff:169.254.169.254]/x"),
    ("api_base_url", "https://2130706434/x"),
    ("token_url", "https://169.254.169.254/t"),
    ("token_url", "http://203.0.114.9/t"),
    ("token_url", "https://user:pass@203.0.114.9/t"),
    ("api_base_url", "https://10.1.2.3/x"),
]


@pytest.mark.parametrize(("member", "value"), [*FORBIDDEN, ("ca_certificate", "garbage")])
def test_forbidden_addresses_and_unreadable_certificates_are_refused_for_new_and_old_servers(
    acme: Partner, api_of: Any, settings: Any, member: str, value: str
) -> None:
    settings.ALLOWED_NETWORKS, settings.ALLOW_HTTP = (), False
    api, stored = api_of(acme, "owner"), make.make_server(**SERVER)
    was = getattr(stored, member)

    new = api.post("/api/v1/license-servers/", {**SERVER, "name": "New", member: value})
    old = api.patch(f"/api/v1/license-servers/{stored.pk}/", {member: value})

    for answer in (new, old):
        assert answer.status_code in {400, 409}
        assert answer["Content-Type"] == "application/problem+json"
        assert list(answer.json()["errors"]) == [member]
    assert [getattr(server, member) for server in LicenseServer.objects.all()] == [was]


def test_private_address_does_not_become_a_cloud_one(acme: Partner, api_of: Any, settings: Any) -> None:
    settings.ALLOWED_NETWORKS = ()
    stored = make.make_server(kind="on_prem", api_base_url="https://10.1.2.3/api/v1", token_url="https://10.1.2.3/t")

    answer = api_of(acme, "owner").patch(f"/api/v1/license-servers/{stored.pk}/", {"kind": "cloud"})

    assert list(answer.json()["errors"]) == ["api_base_url"]
    stored.refresh_from_db()
    assert stored.kind == "on_prem"
