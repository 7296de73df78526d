"""Isolation, the promise that may never break.

Both partners hold one row of everything, with the same ids and with texts that tell whose they are. Every route is
walked with the own session or token, with the other's and with none. A route that this test cannot fill in fails it.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RoutePattern
from django.utils import timezone
from django_tenants.utils import schema_context, tenant_context

from licensing.accounts.models import SmartAccount
from licensing.alerts.models import AlertRule
from licensing.channels.models import Delivery
from licensing.figures.models import Price
from licensing.fleet.models import Cluster, ClusterAccess, Customer, Proxy
from licensing.history.recording import record
from licensing.mirror.models import Change, License, LicenseForecast, UsageSample, VirtualAccount
from licensing.statements import issuing, letterheads
from licensing.statements.models import StatementBatch, StatementMail, StatementSchedule
from people import audit
from people.models import ApiToken, AuditEntry, User
from tenants.models import Partner
from tests import factories as make
from tests.alert_facts import ALERT_FACTS
from tests.conftest import PartnerApi, PartnerClient, host_of
from tests.spreadsheets import read_xlsx

ID = 4711
# What routes take besides `pk`; a new name here is a decision, a missing one a failure.
ARGUMENTS: dict[str, Any] = {
    "pk": ID,
    "id": ID,
    "object_id": ID,
    "step": ID,
    "link": ID,
    "mail": ID,
    "app_label": "licensing",
    "content_type_id": 1,
    "key": "no-such-key",
    "uidb36": "1",
    "format": "json",
    "url": "nowhere",
    "signed": "no-such-link",
    "secret": "no-such-secret",
}
# Answers that carry no partner's data to anybody.
OPEN_ROUTES = ("accounts/", "admin/login/", "admin/jsi18n/", "statements/verify/")
ROUTES_THAT_END_THE_SESSION = ("accounts/logout/", "admin/logout/")


def routes(patterns: list[Any], prefix: str = "") -> Iterator[tuple[str, list[str]]]:
    """Every route as (path with `{name}` for its arguments, the names)."""
    for entry in patterns:
        if isinstance(entry, URLResolver):
            yield from routes(entry.url_patterns, prefix + readable(entry))
        elif isinstance(entry, URLPattern):
            yield prefix + readable(entry), []


def readable(entry: URLPattern | URLResolver) -> str:
    """`pk` and the like in braces, whether the route is written as path or as regular expression."""
    text = str(entry.pattern)
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", text) if isinstance(entry.pattern, RoutePattern) else from_regex(text)


def from_regex(text: str) -> str:
    text = text.removeprefix("^").removesuffix("$").removesuffix("\\Z").removesuffix("/?")
    while "(?P<" in text:
        start = text.index("(?P<")
        depth, end = 0, start
        for end in range(start, len(text)):
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            if not depth:
                break
        name = text[start + 4 : text.index(">", start)]
        text = text[:start] + f"{{{name}}}" + text[end + 1 :]
    return text.replace("\\.", ".").replace("\\-", "-").replace("/?", "/").replace("(?:", "").replace(")", "")


def paths_of(urlconf: str) -> list[str]:
    found = []
    for route, _ in routes(get_resolver(urlconf).url_patterns):
        path = route.format_map(ARGUMENTS)  # KeyError: name the new argument in ARGUMENTS
        assert not set(path) & set("^$()?[]<>\\|"), f"cannot fill in route {route!r}"
        found.append("/" + path)
    return sorted(set(found))


def fill(partner: Partner, marker: str) -> None:
    """One row of everything, all with the same id, every text with the partner's marker."""
    with tenant_context(partner):
        account, license_ = fill_supply(marker)
        pool = license_.virtual_account
        cluster = fill_fleet(account, marker)
        fill_registrations(license_, cluster, marker)
        fill_assignments(pool, cluster, marker)
        fill_history(account, marker)
        fill_orders(license_, marker)
        Price.objects.create(
            id=ID, license_name=f"{marker} license", license=f"{marker} license", currency="EUR", amount=2
        )
        fill_statements(account, cluster.customer, marker)
        fill_notices(marker)
        fill_people(marker)


def fill_supply(marker: str) -> tuple[SmartAccount, License]:
    server = make.make_server(id=ID, name=f"{marker} server", client_id=f"{marker}-client", client_secret=marker)
    account = make.make_smart_account(
        id=ID, license_server=server, domain=f"{marker}.example", name=f"{marker} account"
    )
    pool = make.make_virtual_account(
        id=ID, smart_account=account, name=f"{marker} pool", description=f"{marker} words", purpose="operational"
    )
    license_ = make.make_license(id=ID, virtual_account=pool, name=f"{marker} license", quantity=3, in_use=5)
    make.make_line(id=ID, license=license_, subscription_id=f"{marker}-sub")
    UsageSample.objects.create(
        id=ID, license=license_, day="2026-01-01", quantity=3, in_use=5, available=-2, reserved=0
    )
    LicenseForecast.objects.create(license=license_, day="2026-01-01")
    return account, license_


def fill_fleet(account: SmartAccount, marker: str) -> Cluster:
    host = f"{marker}.host.example"
    customer = make.make_customer(id=ID, name=f"{marker} customer", note=f"{marker} note")
    make.make_subscription(
        id=ID, smart_account=account, subscription_id=f"{marker}-sub", customer=customer, license_model="named_user"
    )
    cluster = make.make_cluster({host: "publisher"}, id=ID, customer=customer, name=f"{marker} cluster")
    ClusterAccess.objects.create(
        id=ID, cluster=cluster, method="axl", url=f"https://{host}", username=marker, password=marker
    )
    Proxy.objects.create(id=ID, customer=customer, host=f"{marker}.proxy.example", port=3128, password=marker)
    return cluster


def fill_registrations(license_: License, cluster: Cluster, marker: str) -> None:
    pool, host, name = license_.virtual_account, f"{marker}.host.example", f"{marker} instance"
    own = {"host_name": host, "name": name, "identity": f"{marker}|1", "cluster": cluster}
    make.make_instance({license_.name: 5}, id=ID, virtual_account=pool, **own)
    make.make_instance({license_.name: 1}, virtual_account=pool, host_name=f"{marker}.nowhere.example")
    make.make_plan(id=ID, license=license_, reason=f"{marker} reason")
    make.make_overage(id=ID, license=license_, note=f"{marker} note")
    make.make_token(id=ID, virtual_account=pool, description=f"{marker} token", text=f"{marker} secret")


def fill_assignments(pool: VirtualAccount, cluster: Cluster, marker: str) -> None:
    who = f"{marker} person"
    make.make_assignment(id=ID, cluster=cluster, virtual_account=pool, started_by=who)
    batch = make.make_batch([cluster], id=ID, virtual_account=pool, name=f"{marker} batch", created_by=who)
    job = make.make_assignment_job(
        id=ID, kind="unassign", cluster=cluster, virtual_account=pool, batch=batch, requested_by=who
    )
    job.stages.update(cause=f"{marker} cause")


def fill_history(account: SmartAccount, marker: str) -> None:
    run = make.make_sync_run(id=ID, smart_account=account, status="failed", cause=f"{marker} cause")
    what = {"object_type": "license", "object_id": ID, "label": f"{marker} change"}
    Change.objects.create(id=ID, sync_run=run, kind="created", **what)


def fill_orders(license_: License, marker: str) -> None:
    pool, named = license_.virtual_account, {"subscription_id": f"{marker}-sub"}
    lines = {f"{marker} ordered": 5}
    make.make_order(lines, id=ID, virtual_account=pool, customer_id=ID, contract=f"{marker} contract", **named)
    make.make_movement(id=ID, license=license_, **named)


def fill_statements(account: SmartAccount, customer: Customer, marker: str) -> None:
    """The statement is issued for real: nothing of it can be changed afterwards."""
    record([account.pk], timezone.now())
    letterheads.save(audit.SYSTEM, {"name": f"{marker} letterhead", "address": f"{marker} street"})
    with connection.cursor() as cursor:
        cursor.execute("SELECT setval('statements_statement_id_seq', %s, false)", [ID])
    today = timezone.now().date()
    statement = issuing.issue(audit.SYSTEM, customer, today, today)
    StatementMail.objects.create(id=ID, statement=statement, recipient=f"{marker}@people.example", subject=marker)
    StatementSchedule.objects.create(id=ID, customer=customer, recipients=[f"{marker}@people.example"])
    batch = StatementBatch.objects.create(id=ID, period_start=today, period_end=today, tag=marker, state="done")
    batch.items.create(customer=customer, customer_name=customer.name, statement=statement, state="issued")


def fill_notices(marker: str) -> None:
    AlertRule.objects.filter(kind="out_of_compliance").update(id=ID)
    make.make_alert(
        id=ID,
        subject=f"{marker} license",
        facts=ALERT_FACTS["out_of_compliance"] | {"account": f"{marker} summary"},
        subject_type="license",
        subject_id=ID,
    )
    recipient = f"{marker}@people.example"
    channel = make.make_channel(id=ID, name=f"{marker} channel", recipients=[recipient])
    Delivery.objects.create(id=ID, channel=channel, recipient=recipient, subject=f"{marker} subject", text=marker)


def fill_people(marker: str) -> None:
    User.objects.create_user("same@person.example", "same-pass-1", id=ID, name=f"{marker} person", role="owner")
    token, _ = ApiToken.issue(User.objects.get(id=ID), f"{marker} key", "write")
    ApiToken.objects.filter(pk=token.pk).update(id=ID)
    what = {"object_type": "customer", "object_id": str(ID), "object_label": marker}
    AuditEntry.objects.create(id=ID, actor=f"{marker} actor", action="made", **what)


@pytest.fixture
def filled(acme: Partner, globex: Partner) -> tuple[Partner, Partner]:
    fill(acme, "zebra")
    fill(globex, "quagga")
    return acme, globex


def person(partner: Partner) -> PartnerClient:
    client = PartnerClient(SERVER_NAME=host_of(partner))
    with tenant_context(partner):
        client.force_login(User.objects.get(id=ID))
    return client


def program(partner: Partner, api_of: Callable[..., PartnerApi]) -> PartnerApi:
    return api_of(partner)


def body(response: Any) -> str:
    content = b"".join(response.streaming_content) if response.streaming else response.content
    return content.decode("utf-8", "replace").lower() + str(response.headers).lower()


PAGES = [path for path in paths_of("portal.urls") if not path.startswith("/api/")]
CALLS = [path for path in paths_of("portal.urls") if path.startswith("/api/")]


def test_own_session_shows_own_rows_and_never_the_others(filled: tuple[Partner, Partner]) -> None:
    acme, _ = filled
    shown = set()
    for path in PAGES:
        if path[1:] in ROUTES_THAT_END_THE_SESSION:
            continue
        client = person(acme)
        answer = body(client.get(path))
        assert "quagga" not in answer, path
        if "zebra" in answer:
            shown.add(path)
        cache.clear()

    lists = {f"/{name}/" for name in (*LISTS, "statements/batches", "statements/schedules", "statements/letterhead")}
    assert lists - shown == set()
    assert {f"/{name}/{ID}/" for name in LISTS if f"/{name}/{ID}/" in PAGES} - shown == set()


SUPPLY = ("license-servers", "smart-accounts", "virtual-accounts", "licenses", "subscriptions", "pools")
USE = ("product-instances", "registration-tokens", "usage", "customers", "clusters", "assignments")
WORK = (
    "growth",
    "prices",
    "overages",
    "transfer-plans",
    "worklist",
    "sync-runs",
    "alerts",
    "channels",
    "deliveries",
    "statements",
)
PEOPLE = ("users", "api-tokens", "audit")
LISTS = (*SUPPLY, *USE, *WORK, *PEOPLE)


@pytest.mark.parametrize(
    "path",
    [*(f"/{name}/" for name in LISTS if name != "pools"), f"/pools/{ID}/", f"/sync-runs/{ID}/changes/"],
)
def test_files_hold_own_rows_and_never_the_others(filled: tuple[Partner, Partner], path: str) -> None:
    client = person(filled[0])

    cells = [str(cell).lower() for row in read_xlsx(client.get(path, {"format": "xlsx"}).content)[0] for cell in row]
    lines = body(client.get(path, {"format": "csv"}))

    assert any("zebra" in cell for cell in cells)
    assert [cell for cell in cells if "quagga" in cell or "<" in cell] == []
    assert ("zebra" in lines, "quagga" in lines) == (True, False)
    assert f"{path}?format=xlsx" in body(client.get(path))


@pytest.mark.parametrize("who", ["the other's session", "nobody"])
def test_the_others_session_and_none_see_nothing(filled: tuple[Partner, Partner], who: str) -> None:
    acme, globex = filled
    client = PartnerClient(SERVER_NAME=host_of(acme))
    for path in PAGES:
        if who == "the other's session":
            client.cookies = person(globex).cookies
        for response in (client.get(path), client.post(path)):
            answer = body(response)
            assert "zebra" not in answer, path
            assert "quagga" not in answer, path
            if not path[1:].startswith(OPEN_ROUTES):
                assert response.status_code in {302, 401, 403, 404, 405}, (path, response.status_code)
        cache.clear()


def test_own_token_shows_own_rows_and_never_the_others(filled: tuple[Partner, Partner], api_of: Any) -> None:
    acme, _ = filled
    api = program(acme, api_of)
    shown = set()
    for path in CALLS:
        answer = body(api.get(path))
        assert "quagga" not in answer, path
        if "zebra" in answer:
            shown.add(path)

    collections = [name for name in LISTS if f"/api/v1/{name}/" in CALLS]
    assert len(collections) == 21
    assert {f"/api/v1/{name}/" for name in collections} - shown == set()
    assert {f"/api/v1/{name}/{ID}/" for name in collections if f"/api/v1/{name}/{ID}/" in CALLS} - shown == set()


@pytest.mark.parametrize("who", ["the other's token", "nobody"])
def test_the_others_token_and_none_are_401(filled: tuple[Partner, Partner], api_of: Any, who: str) -> None:
    acme, globex = filled
    api = program(globex, api_of) if who == "the other's token" else PartnerApi()
    api.defaults["SERVER_NAME"] = host_of(acme)
    for path in CALLS:
        for method in ("get", "post", "put", "patch", "delete"):
            response = getattr(api, method)(path)
            answer = body(response)
            assert "zebra" not in answer, (method, path)
            assert "quagga" not in answer, (method, path)
            assert response.status_code in {302, 401, 404, 405}, (method, path, response.status_code)
            assert response.status_code == 401 or not path.startswith("/api/v1/") or ".json" in path, (method, path)


def test_secrets_are_on_no_page_and_in_no_answer(filled: tuple[Partner, Partner], api_of: Any) -> None:
    acme, _ = filled
    with tenant_context(acme):
        from licensing.accounts.models import LicenseServer
        from licensing.fleet.models import Proxy

        server, proxy = LicenseServer.objects.get(id=ID), Proxy.objects.get(id=ID)
        server.client_secret = proxy.password = "unmistakable-secret"
        server.save()
        proxy.save()
    api, client = program(acme, api_of), person(acme)
    for path in CALLS:
        assert "unmistakable-secret" not in body(api.get(path)), path
    for path in PAGES:
        if path[1:] not in ROUTES_THAT_END_THE_SESSION:
            assert "unmistakable-secret" not in body(client.get(path)), path


def test_provider_host_knows_no_partners_people_and_rows(filled: tuple[Partner, Partner], provider: Partner) -> None:
    acme, globex = filled
    for partner in (acme, globex):
        client = person(partner)
        client.defaults["SERVER_NAME"] = host_of(provider)
        for path in paths_of("portal.urls_provider"):
            answer = body(client.get(path))
            assert "zebra" not in answer, path
            assert "quagga" not in answer, path


def test_partners_staff_and_provider_staff_are_strangers(filled: tuple[Partner, Partner], provider: Partner) -> None:
    acme, _ = filled
    with schema_context("provider"):
        staff = PartnerClient(SERVER_NAME="localhost")
        staff.force_login(User.objects.get())
    staff.defaults["SERVER_NAME"] = host_of(acme)

    assert staff.get("/").status_code == 302
    assert staff.get("/admin/").status_code == 302
