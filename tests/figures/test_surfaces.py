"""Every surface shows the oracle's figures: page, REST, CSV, XLSX, worklist, alerts, overview, statement and growth."""

import csv
import io
import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from django_tenants.utils import tenant_context

from licensing.cisco.emulator.server import EmulatorThread
from licensing.figures.positions import UNMATCHED, By, open_books
from licensing.mirror.models import License, VirtualAccount
from licensing.pools.transfers import executing
from licensing.statements.models import Statement
from tenants.models import Partner
from tests.figures.oracle import Rows, purchases, recompute
from tests.figures.oracle_rules import TAGS
from tests.figures.random_world import FIGURES, POOLS, RECORD, World, later, rows_of
from tests.spreadsheets import read_xlsx

START = datetime(2027, 3, 1, 9, tzinfo=UTC)
EVENTS = 10
BY = ("license", "customer", "cluster", "virtual_account")
HEADS = {
    "Owned": "owned",
    "Ordered": "ordered",
    "Delivered": "delivered",
    "Undelivered": "undelivered",
    "Used": "used",
    "Lent": "lent",
    "Short by Cisco": "short_by_cisco",
    "Short with borrowing": "short_with_borrowing",
    "True forward": "true_forward",
}
POOL_HEADS = {head: name for head, name in HEADS.items() if head != "Lent"}
# Names of smart-accounts/{id}/pools/ in REST, which are older than the figures.
POOL_MEMBERS = {"outstanding": "undelivered", "operational": "owned", "consumed": "used"}
# A page shows two blanks as one.
TAG_OF = {" ".join(name.split()): tag for name, tag in TAGS.items()}
Found = dict[tuple[str, str], Counter[str]]  # (name of the owner, license) -> figures


@pytest.fixture
def worlds(
    request: pytest.FixtureRequest,
    acme: Partner,
    globex: Partner,
    emulator: EmulatorThread,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[tuple[World, World]]:
    """Two partners' worlds after random events, on the evening of a day that is over for none of them."""
    monkeypatch.setattr(executing, "PAUSE_SECONDS", 0.01)
    seed = getattr(request, "param", 0)
    chance, moment = random.Random(seed), START
    with time_machine.travel(moment) as clock:
        made = World(acme, emulator, f"surfaces {seed}"), World(globex, emulator, f"surfaces {seed}")
        for _ in range(EVENTS):
            moment = later(moment, chance)
            clock.move_to(moment)
            for world in made:
                world.happen()
        clock.move_to(moment + timedelta(hours=1))
        yield made


def expected(world: World, by: str, names: Iterable[str] = tuple(HEADS.values())) -> Found:
    with tenant_context(world.partner):
        rows = recompute([world.part()], timezone.now())[by]
    return named(world, by, rows, names)


def named(world: World, by: str, rows: Rows, names: Iterable[str]) -> Found:
    """Return the oracle's rows under the names of their owners, with these figures alone."""
    owners: dict[Any, str] = {None: "", 0: UNMATCHED, **{f"{world.cisco.domain} {pool}": pool for pool in POOLS}}
    if by in ("customer", "cluster"):
        owners |= {row.pk: row.name for row in (world.customers if by == "customer" else world.clusters)}
    found = {
        (owners.get(key, key), tag): +Counter({name: of[name] for name in names}) for (key, tag), of in rows.items()
    }
    return {key: of for key, of in found.items() if of}


class Tables(HTMLParser):
    """Reads the rows of all tables: the title of their group, then their cells, each with its label."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[tuple[str, list[tuple[str, str]]]] = []
        self._group, self._cell, self._label, self._into = "", "", "", ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "tr":
            self.rows.append((self._group, []))
        if tag == "table":
            self._group = ""
        if tag == "td" or (tag == "th" and given.get("scope") == "rowgroup"):
            self._into, self._cell, self._label = tag, "", given.get("data-label") or ""

    def handle_data(self, data: str) -> None:
        self._cell += data

    def handle_endtag(self, tag: str) -> None:
        if tag == self._into == "td":
            self.rows[-1][1].append((self._label, " ".join(self._cell.split())))
        elif tag == self._into == "th":
            self._group = " ".join(self._cell.split())
        if tag == self._into:
            self._into = ""


def from_html(html: str, heads: dict[str, str], with_owner: bool = False) -> Found:
    """Return the rows of the tables whose cells carry these heads. `with_owner`: their first cell names whose it is."""
    found: Found = {}
    for group, cells in Tables(html).rows:
        figures = Counter({heads[label]: number(text) for label, text in cells if label in heads})
        if not figures:
            continue
        owner = cells[0][1] if with_owner else group
        license_ = cells[1][1] if with_owner else cells[0][1]
        add(found, owner, license_, figures)
    return found


def from_lines(rows: Iterable[dict[str, Any]], owner: str, heads: dict[str, str], license_: str = "License") -> Found:
    """Return the rows of a file or of REST, by the members that these heads name."""
    found: Found = {}
    for row in rows:
        figures = Counter({name: int(row[head] or 0) for head, name in heads.items() if head in row})
        add(found, str(row.get(owner) or ""), row[license_], figures)
    return found


def add(found: Found, owner: str, license_: str, figures: Counter[str]) -> None:
    key = owner, TAG_OF[" ".join(license_.split())]
    if +figures:
        assert key not in found
        found[key] = +figures


def number(text: str) -> int:
    return int(re.sub(r"[^\d-]", "", text.replace("−", "-")) or 0)


def csv_rows(client: Any, address: str) -> list[dict[str, Any]]:
    return list(csv.DictReader(io.StringIO(client.get(address).content.decode("utf-8-sig"))))


def xlsx_rows(client: Any, address: str) -> list[dict[str, Any]]:
    head, *rows = read_xlsx(client.get(address).content)[0]
    return [dict(zip(head, [*row, *[None] * len(head)], strict=False)) for row in rows]


def rest_rows(api: Any, address: str) -> Any:
    answer = api.get(address)
    assert answer.status_code == 200, answer.content
    found = answer.json()
    if isinstance(found, dict) and "results" in found:
        assert found["next"] is None
        return found["results"]
    return found


def total(found: Found, name: str) -> Counter[str]:
    sums: Counter[str] = Counter()
    for (_, tag), of in found.items():
        sums[tag] += of[name]
    return +sums


@pytest.mark.parametrize("worlds", [0, 1], indirect=True)
def test_positions(worlds: tuple[World, World], client_of: Any, api_of: Any) -> None:
    for world in worlds:
        client, api = client_of(world.partner, "viewer"), api_of(world.partner, "viewer", "read")
        for by in BY:
            ours = expected(world, by)
            assert len(ours) > 4
            owner = {"customer": "Customer", "cluster": "Cluster", "virtual_account": "Virtual account"}.get(by, "")
            address = f"/positions/?by={by}"
            pages: Found = {}
            for page in range(1, len(ours) // 50 + 2):
                html = client.get(f"{address}&page={page}").content.decode()
                pages |= from_html(html, HEADS, with_owner=bool(owner))
            assert pages == ours, by
            assert from_lines(csv_rows(client, f"{address}&format=csv"), owner, HEADS) == ours
            assert from_lines(xlsx_rows(client, f"{address}&format=xlsx"), owner, HEADS) == ours
            rows = rest_rows(api, f"/api/v1/positions/?by={by}&limit=1000")
            members = {name: name for name in FIGURES}
            named_ = "name" if owner else ""
            assert from_lines(rows, named_, members, "license_name") == expected(world, by, FIGURES)


def test_positions_of_each_customer_and_cluster(worlds: tuple[World, World], client_of: Any, api_of: Any) -> None:
    for world in worlds:
        client, api = client_of(world.partner, "viewer"), api_of(world.partner, "viewer", "read")
        for by, rows in (("customer", world.customers), ("cluster", world.clusters)):
            for row in rows:
                ours = {("", tag): of for (name, tag), of in expected(world, by).items() if name == row.name}
                html = client.get(f"/{by}s/{row.pk}/").content.decode()
                section = html[html.index("Position by license") :] if "Position by license" in html else ""
                assert from_html(section[: section.find("</table>")], HEADS) == ours
                found = rest_rows(api, f"/api/v1/{by}s/{row.pk}/position/")
                assert from_lines(found, "", {name: name for name in HEADS.values()}, "license_name") == ours


@pytest.mark.parametrize("worlds", [2], indirect=True)
def test_pools(worlds: tuple[World, World], client_of: Any, api_of: Any) -> None:
    names = tuple(POOL_HEADS.values())
    for world in worlds:
        client, api = client_of(world.partner, "viewer"), api_of(world.partner, "viewer", "read")
        address = f"/pools/{world.account.pk}/"
        rest = rest_rows(api, f"/api/v1/smart-accounts/{world.account.pk}/pools/")
        members = {**{name: name for name in names}, **POOL_MEMBERS}
        for by in ("license", "customer", "cluster"):
            ours = expected(world, by, names)
            if by == "cluster":
                ours = {key: of for key, of in ours.items() if of["used"]}
            owner = {"license": "", "customer": "Customer", "cluster": "Cluster"}[by]
            lines = rest[f"by_{by}"]
            if owner:
                lines = [{**row, "title": group["title"]} for group in lines for row in group["licenses"]]
            assert from_lines(lines, "title", members, "license") == ours
            for read, kind in ((csv_rows, "csv"), (xlsx_rows, "xlsx")):
                assert from_lines(read(client, f"{address}?by={by}&format={kind}"), owner, POOL_HEADS) == ours
            page = from_html(client.get(f"{address}?by={by}").content.decode(), POOL_HEADS)
            assert {(name.split(" of ")[0], tag): of for (name, tag), of in page.items()} == ours


@pytest.mark.parametrize("worlds", [3], indirect=True)
def test_what_cisco_owes(worlds: tuple[World, World], client_of: Any, api_of: Any) -> None:
    """By purchase, license, order and in the worklist, it is one sum."""
    for world in worlds:
        client, api = client_of(world.partner, "viewer"), api_of(world.partner, "viewer", "read")
        owed = total(expected(world, "license"), "undelivered")
        assert owed
        assert total(expected(world, "customer"), "undelivered") == owed
        rows = csv_rows(client, f"/pools/{world.account.pk}/?by=order&format=csv")
        by_order: Counter[str] = Counter()
        for row in rows:
            by_order[TAGS[row["License"]]] += int(row["Undelivered"])
        assert +by_order == owed
        worklist = rest_rows(api, "/api/v1/worklist/?reason=not_deposited&limit=1000")
        assert sum(row["licenses"] for row in worklist) == owed.total()
        for row in worklist:
            if row["subject_type"] == "license":
                assert row["licenses"] == owed[TAGS[row["subject"]]]
        assert_orders(world, api)


def assert_orders(world: World, api: Any) -> None:
    """Each entered order shows what the oracle counts as delivered under it."""
    with tenant_context(world.partner):
        found = purchases(*world.part(), timezone.now())
    ours = {(one.order, one.tag): (one.ordered, one.delivered) for one in found if one.order}
    orders = rest_rows(api, "/api/v1/orders/?limit=1000")
    assert {
        (order["id"], TAGS[line["license_name"]]): (line["quantity"], line["delivered"])
        for order in orders
        for line in order["lines"]
    } == ours


@pytest.mark.parametrize("worlds", [4], indirect=True)
def test_alerts_overview_and_usage(worlds: tuple[World, World], client_of: Any, api_of: Any) -> None:
    for world in worlds:
        client, api = client_of(world.partner, "viewer"), api_of(world.partner, "viewer", "read")
        short = {
            (raw["virtualAccount"], raw["license"]): max(-raw["available"], raw["inUse"] - raw["quantity"], 0)
            for raw in world.part()[0].licenses
            if raw["status"] == "Out Of Compliance"
        }
        assert short
        by_license: Counter[str] = Counter()
        for (_, name), quantity in short.items():
            by_license[TAGS[name]] += quantity
        assert +by_license == total(expected(world, "customer"), "short_by_cisco")
        assert_alerts(world, api, short)
        assert_overview(client.get("/").content.decode(), short)
        assert_usage(world, client, api)


def assert_alerts(world: World, api: Any, short: dict[tuple[str, str], int]) -> None:
    alerts = rest_rows(api, "/api/v1/alerts/?kind=out_of_compliance&state=open&limit=1000")
    clocks = rest_rows(api, "/api/v1/overages/?limit=1000")
    with tenant_context(world.partner):
        places = {
            row.pk: (row.virtual_account.name, row.name) for row in License.objects.select_related("virtual_account")
        }
    told = {}
    for alert in alerts:
        place = places[alert["subject_id"]]
        words = re.match(r"([\d,]+) licenses? short in ", alert["summary"])
        told[place] = number(words[1]) if words else 0
    assert told == short
    assert {places[row["license"]] for row in clocks if row["ended_at"] is None} == set(short)


def assert_overview(html: str, short: dict[tuple[str, str], int]) -> None:
    count = re.search(r"<h2>([\d,]+) licenses? (?:is|are) out of compliance</h2>", html)
    assert count is not None
    assert number(count[1]) == len(short)
    shown = [number(text) for text in re.findall(r'<span class="short">([\d,]+) short</span>', html)]
    assert shown
    assert not Counter(shown) - Counter(short.values())


def assert_usage(world: World, client: Any, api: Any) -> None:
    rows = rest_rows(api, "/api/v1/usage/?limit=1000")
    for by, name in (("license", ""), ("customer", "customer_name"), ("cluster", "cluster_name")):
        used: Counter[tuple[str, str]] = Counter()
        for row in rows:
            used[(row[name] or UNMATCHED) if name else "", TAGS[row["license_name"]]] += row["quantity"]
        assert +used == Counter({key: of["used"] for key, of in expected(world, by, ["used"]).items()})
    in_file = csv_rows(client, "/usage/?format=csv")
    assert sum(int(row["Uses"]) for row in in_file) == sum(row["quantity"] for row in rows)


@pytest.mark.parametrize("worlds", [5], indirect=True)
def test_growth(worlds: tuple[World, World], api_of: Any) -> None:
    members = {"commitment": "ordered", "used": "used", "true_forward": "true_forward"}
    for world in worlds:
        rows = rest_rows(api_of(world.partner, "viewer", "read"), "/api/v1/growth/?limit=1000")
        assert from_lines(rows, "customer_name", members, "license_name") == expected(
            world, "customer", members.values()
        )


@pytest.mark.parametrize("worlds", [6], indirect=True)
def test_statements(worlds: tuple[World, World], client_of: Any, api_of: Any) -> None:
    """The statement of each customer for the days so far: content, CSV, XLSX and service inventory."""
    for world in worlds:
        api = api_of(world.partner, "operator")
        ours = expected(world, "customer", FIGURES)
        today = timezone.now().date()
        for customer in world.customers:
            body = {
                "customer": customer.pk,
                "period_start": str(today.replace(day=1)),
                "period_end": str(today),
            }
            mine = {tag: of for (name, tag), of in ours.items() if name == customer.name}
            answer = api.post("/api/v1/statements/", body)
            assert answer.status_code == 201, answer.content
            assert_statement(world, api, answer.json(), mine)


def assert_statement(world: World, api: Any, made: dict[str, Any], mine: dict[str, Counter[str]]) -> None:
    with tenant_context(world.partner):
        content = Statement.objects.get(pk=made["id"]).content
        names = {pool.name for pool in VirtualAccount.objects.all()}
    members = {name: name for name in FIGURES}
    assert {tag: of for (_, tag), of in from_lines(content["licenses"], "", members, "name").items()} == mine
    used = +Counter({tag: of["used"] for tag, of in mine.items()})
    assert by_tag(content["clusters"]) == used
    for read, kind in ((csv_rows, "csv"), (xlsx_rows, "xlsx")):
        lines = read(api, made["files"][kind])
        figures: dict[str, Counter[str]] = {}
        for row in lines:
            if row["figure"] in FIGURES:
                figures.setdefault(TAGS[row["license"]], Counter())[row["figure"]] = int(row["quantity"])
        assert {tag: +of for tag, of in figures.items() if +of} == mine
    owned: Counter[str] = Counter()
    for line in api.get(made["files"]["txt"]).content.decode().splitlines():
        values = line.split("|")
        place = values[0].partition("@")[0]
        if "@" in values[0] and place in names and place != RECORD:
            owned[TAGS[values[7]]] += int(values[8])
    assert +owned == +Counter({tag: of["owned"] for tag, of in mine.items()})


def by_tag(clusters: Iterable[dict[str, Any]]) -> Counter[str]:
    used: Counter[str] = Counter()
    for cluster in clusters:
        for row in cluster["licenses"]:
            used[TAGS[row["name"]]] += row["used"]
    return +used


def test_a_move_changes_no_delivered_figure(worlds: tuple[World, World]) -> None:
    """In CSSM or by the portal, between any two virtual accounts."""
    bought = ("ordered", "delivered", "undelivered")
    with time_machine.travel(timezone.now() + timedelta(days=2)) as clock:
        for world in worlds:
            move: Callable[[], None]
            for move in (world.move_in_cssm, world.move_by_portal) * 3:
                before, moves = positions_of(world, bought), len(world.facts.moves)
                with tenant_context(world.partner):
                    move()
                    world.sync()
                assert positions_of(world, bought) == before
                clock.shift(timedelta(days=2))
            assert len(world.facts.moves) > moves


def positions_of(world: World, names: Iterable[str]) -> Any:
    with tenant_context(world.partner):
        rows = rows_of(open_books().positions(By.CUSTOMER))
    return {key: kept for key, of in rows.items() if (kept := +Counter({name: of[name] for name in names}))}
