"""A statement says what was so, is numbered without a gap, and never changes."""

import hashlib
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone
from django_tenants.utils import tenant_context

from kit.refusals import Refusal
from licensing.allocation.engine import license_of
from licensing.allocation.license_names import CURRENT
from licensing.figures.models import Price
from licensing.operations.removal import delete_customer
from licensing.statements import issuing, verifying, wording
from licensing.statements.models import Statement, StatementFile
from licensing.statements.rendering import sheets
from licensing.statements.rendering.pdf import Renderer
from people.models import AuditEntry
from tenants.models import Partner
from tests.statements.world import ENHANCED, JUNE, World, make_world


@pytest.fixture
def world(acme: Partner) -> World:
    return make_world()


def issue(world: World, **options: Any) -> Statement:
    return issuing.issue(world.actor, world.harbor, *JUNE, **options)


def test_figures_are_those_at_the_end_of_the_period(world: World) -> None:
    made = issue(world)

    figures = {"name": ENHANCED, "ordered": 100, "owned": 100, "used": 130, "short_with_borrowing": 30}
    figures |= {"covered_by_higher": 0, "short_by_cisco": 30, "true_forward": 30}
    assert [{name: row[name] for name in figures} for row in made.content["licenses"]] == [figures]
    assert made.content["clusters"] == [
        {
            "name": "Harbor North",
            "application": "Unified CM",
            "release": "14.0.1",
            "licenses": [{"name": ENHANCED, "used": 130}],
        }
    ]
    assert made.content["terms"] == [
        {"subscription": "Sub-H", "license": ENHANCED, "quantity": 100, "ends": "2027-03-31"}
    ]
    earlier = issuing.issue(world.actor, world.harbor, date(2026, 6, 3), date(2026, 6, 19))
    assert [row["used"] for row in earlier.content["licenses"]] == [80]


def test_trend_has_a_value_for_each_recorded_day_and_none_before(world: World) -> None:
    made = issue(world)

    [trend] = made.content["trends"]
    assert trend["used"] == [None] * 2 + [80] * 17 + [130] * 11
    assert trend["owned"] == [None] * 2 + [100] * 28
    assert (trend["peak"], trend["average"]) == (130, round((80 * 17 + 130 * 11) / 28))
    assert made.content["remarks"] == [{"code": "recorded_from", "day": "2026-06-03", "account": ""}]


def test_hash_is_that_of_the_stored_pdf_and_the_same_content_gives_the_same_bytes(world: World) -> None:
    made = issue(world)

    made.refresh_from_db()
    pdf = bytes(StatementFile.objects.get(statement=made).pdf)
    assert pdf.startswith(b"%PDF-")
    assert hashlib.sha256(pdf).hexdigest() == made.sha256
    with Renderer() as renderer:
        assert renderer.pdf(made.content, made.logo) == pdf


def test_numbers_have_no_gap(world: World) -> None:
    first = issue(world)
    with transaction.atomic():
        issue(world)
        transaction.set_rollback(True)  # as a request that fails afterwards does
    second = issue(world)

    year = timezone.now().year
    assert [first.number, second.number] == [f"{year}-0001", f"{year}-0002"]


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ((date(2026, 6, 30), date(2026, 6, 1)), "period_end", "ends before it begins"),
        ((date(2026, 5, 1), date(2026, 6, 2)), "period_end", "on or after 3 Jun 2026, the first possible day"),
        ((date(2024, 1, 1), date(2026, 6, 30)), "period_end", "too long"),
    ],
)
def test_impossible_periods_are_refused(world: World, values: tuple[date, date], field: str, words: str) -> None:
    with pytest.raises(Refusal, match=words) as refused:
        issuing.issue(world.actor, world.harbor, *values)

    assert refused.value.field == field
    assert not Statement.objects.exists()


def test_a_period_in_the_future_is_refused_and_today_is_marked(world: World) -> None:
    today = timezone.now().date()
    with pytest.raises(Refusal, match="ends in the future"):
        issuing.issue(world.actor, world.harbor, today, today + timedelta(days=1))
    made = issuing.issue(world.actor, world.harbor, today, today)

    assert [row["code"] for row in made.content["remarks"]] == ["not_over"]


def test_nothing_recorded_is_refused(acme: Partner) -> None:
    from tests import factories as make

    with pytest.raises(Refusal, match="Nothing is recorded yet"):
        issuing.issue(issuing.audit.SYSTEM, make.make_customer(), *JUNE)


@pytest.mark.parametrize("values", [{"content": {}}, {"sha256": "0" * 64}, {"number": "2026-9999"}, {"reason": "x"}])
def test_database_refuses_changes(world: World, values: dict[str, Any]) -> None:
    made = issue(world)

    with pytest.raises(DatabaseError, match="cannot be changed or deleted"), transaction.atomic():
        Statement.objects.filter(pk=made.pk).update(**values)
    with pytest.raises(DatabaseError, match="cannot be changed or deleted"), transaction.atomic():
        StatementFile.objects.filter(pk=made.pk).update(pdf=b"")
    with pytest.raises(DatabaseError, match="cannot be changed or deleted"), transaction.atomic():
        StatementFile.objects.filter(pk=made.pk).delete()
    with pytest.raises(DatabaseError, match="cannot be changed or deleted"), transaction.atomic():
        Statement.objects.filter(pk=made.pk)._raw_delete("default")


def test_statement_outlives_its_customer_and_its_author(world: World) -> None:
    made = issue(world)
    made.issued_by.delete()  # type: ignore[union-attr]
    world.cluster.delete()
    delete_customer(issuing.audit.SYSTEM, world.harbor)

    made.refresh_from_db()
    assert (made.customer, made.issued_by, made.customer_name) == (None, None, "Harbor")
    with pytest.raises(Refusal, match="Harbor is deleted"):
        issuing.correct(issuing.audit.SYSTEM, made, *JUNE)


def test_correction_names_the_old_statement_and_each_is_corrected_once(world: World) -> None:
    old = issue(world)
    new = issuing.correct(world.actor, old, *JUNE, "The cluster was matched late.")

    assert new.corrects == old
    assert new.content["corrects"] == {"number": old.number, "reason": "The cluster was matched late."}
    assert verifying.by_digest(old.number, old.sha256).corrected_by == new.number
    with pytest.raises(Refusal, match=f"already corrected by {new.number}"):
        issuing.correct(world.actor, old, *JUNE)
    with pytest.raises(Refusal, match="not one of Meadow"):
        issuing.issue(world.actor, world.meadow, *JUNE, corrects=new)


def test_issue_is_in_the_audit(world: World) -> None:
    made = issue(world)

    entry = AuditEntry.objects.get(object_type="statement")
    assert (entry.action, entry.object_id, entry.changes["sha256"]) == ("issued", str(made.pk), [None, made.sha256])


def test_files_are_made_from_what_was_frozen(world: World) -> None:
    made = issue(world)

    csv = sheets.answer(made, "csv").content.decode()
    assert (
        f"{made.number},Harbor,2026-06-01,2026-06-30,short_with_borrowing,,,{ENHANCED},30,,2026-06-30"
        in csv.splitlines()
    )
    assert f"{made.number},Harbor,2026-06-01,2026-06-30,used_on_day,,,{ENHANCED},80,,2026-06-03" in csv.splitlines()
    assert sheets.inventory_text(made.content).splitlines() == [
        "Operations@account.example|Direct|Sub-H|2027-03-31|Flex Hosted, Named User|Unified CM|12.x"
        f"|{ENHANCED}|100|130|-30|Out of compliance",
        f"Harbor|Harbor North|{ENHANCED}|130",
    ]


def test_partners_do_not_know_each_others_statements(world: World, acme: Partner, globex: Partner) -> None:
    mine = issue(world)
    with tenant_context(globex):
        theirs = issuing.issue(issuing.audit.SYSTEM, make_world("their ").harbor, *JUNE)
        assert theirs.number == mine.number
        assert verifying.by_digest(mine.number, mine.sha256).statement is None
    with tenant_context(acme):
        assert verifying.by_digest(theirs.number, theirs.sha256).statement is None
        assert Statement.objects.count() == 1


def test_queries_do_not_grow_with_clusters(world: World, django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(60):
        issue(world)


def test_true_forward_and_cost_follow_the_price_list(world: World) -> None:
    for currency, amount in (("EUR", "3.50"), ("USD", "4")):
        Price.objects.create(
            license_name=ENHANCED,
            license=license_of(ENHANCED, CURRENT),
            currency=currency,
            amount=amount,
            valid_from=date(2026, 1, 1),
        )
    made = issue(world)

    [growth] = made.content["growth"]
    assert (growth["commitment"], growth["used"], growth["true_forward"]) == (100, 130, 30)
    assert growth["recorded_from"] == "2026-06-03"
    [cost] = made.content["costs"]["licenses"]
    assert cost["use"] == {"EUR": "455.00", "USD": "520.00"}
    assert cost["true_forward"] == {"EUR": "105.00", "USD": "120.00"}
    assert wording.words(made.content)["costs"][0][1] == "455.00 EUR + 520.00 USD"
    assert f",cost_of_use_a_month,,,{ENHANCED},455.00,EUR," in sheets.answer(made, "csv").content.decode()


def test_without_prices_there_is_no_cost(world: World) -> None:
    made = issue(world)

    assert made.content["costs"] == {"licenses": [], "totals": {}, "unpriced": []}
    assert wording.words(made.content)["costs"] == []
