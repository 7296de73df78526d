"""Lists as XLSX files. What CSV files hold is shown with the pages, and whose rows in test_isolation."""

import io
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django_tenants.utils import tenant_context

from kit.files import CELL_UNITS, CUT, write_xlsx
from tenants.models import Partner
from tests import factories as make
from tests.spreadsheets import read_xlsx

MOMENT = datetime(2026, 11, 24, 14, 7, 40, tzinfo=UTC)


def written(*rows: list[Any], **options: Any) -> list[list[list[Any]]]:
    file = io.BytesIO()
    write_xlsx(rows, file, **options)
    return read_xlsx(file.getvalue())


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "{=1+1}",
        "@x",
        "-5",
        "'quoted",
        "https://host.example/",
        "mailto:a@people.example",
        "0123",
        "12",
        "1e5",
        " spaced ",
        "two\nlines",
        "<b>&amp;</b>",
        "Zürich 東京 🙂",
        "x" * 32_767,
        "🙂" * 16_383,
    ],
)
def test_text_stays_text(text: str) -> None:
    assert written(["Name"], [text]) == [[["Name"], [text]]]


@pytest.mark.parametrize("letter", ["x", "🙂"])
def test_text_that_a_cell_cannot_hold_says_where_it_was_cut(letter: str) -> None:
    units = len(letter.encode("utf-16-le")) // 2
    ((_, (held,)),) = written(["Note"], [letter * (CELL_UNITS // units + 1)])

    kept = held.removesuffix(CUT)
    assert held == kept + CUT
    assert kept == letter * len(kept)
    assert CELL_UNITS - units < len(held.encode("utf-16-le")) // 2 <= CELL_UNITS


def test_each_value_is_of_its_kind() -> None:
    sheets = written(
        ["Number", "Decimal", "Yes", "Day", "Moment", "None", "Empty", "Early", "Last"],
        [-3, Decimal(7), True, date(2026, 2, 28), MOMENT, None, "", date(1, 1, 1), "end"],
    )

    day, moment = datetime(2026, 2, 28), MOMENT.replace(tzinfo=None)  # noqa: DTZ001 - as spreadsheets have it
    assert sheets[0][1] == [-3, 7, True, day, moment, None, None, "0001-01-01", "end"]


def test_letters_that_xml_does_not_know_break_no_file() -> None:
    assert written(["Name"], ["a\x01b\x1f￾"]) == [[["Name"], ["a_x0001_b_x001F__xFFFE_"]]]


def test_what_a_sheet_cannot_hold_goes_on_in_the_next() -> None:
    sheets = written(["N"], *([number] for number in range(5)), sheet_rows=3)

    assert sheets == [[["N"], [0], [1]], [["N"], [2], [3]], [["N"], [4]]]
    assert written(["N"], [0], [1], sheet_rows=3) == [[["N"], [0], [1]]]
    assert written(["N"]) == [[["N"]]]


def test_usage_report_as_a_spreadsheet(acme: Partner, globex: Partner, client_of: Any) -> None:
    with tenant_context(globex):
        make.make_instance({"Theirs": 3}, cluster=make.make_cluster())
    account = make.make_smart_account(name="Acme Account", last_synced_at=MOMENT)
    pool = make.make_virtual_account(smart_account=account, name="=cmd()")
    harbor = make.make_customer(name="Harbor")
    cluster = make.make_cluster(name="0042", customer=harbor)
    make.make_instance({"Basic": 5, "None": 0}, virtual_account=pool, cluster=cluster, host_name="a.example")
    make.make_instance({"Basic": 7}, virtual_account=pool, host_name="b.example")
    client = client_of(acme, "viewer")

    response = client.get("/usage/?format=xlsx&sort=quantity")
    only_harbor = client.get(f"/usage/?format=xlsx&customer={harbor.pk}")

    head = ["License", "Uses", "Customer", "Cluster", "Product instance", "Virtual account", "Smart account", "As of"]
    as_of = MOMENT.replace(tzinfo=None)
    first = ["Basic", 5, "Harbor", "0042", "a.example", "=cmd()", "Acme Account", as_of]
    second = ["Basic", 7, None, None, "b.example", "=cmd()", "Acme Account", as_of]
    assert read_xlsx(response.content) == [[head, first, second]]
    assert read_xlsx(only_harbor.content) == [[head, first]]
    assert response["Content-Type"] == "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    assert response["Content-Disposition"].startswith('attachment; filename="uses-')
    assert response["Content-Disposition"].endswith('.xlsx"')


def test_page_offers_both_files_with_its_filters_and_order(acme: Partner, client_of: Any) -> None:
    make.make_instance({"Basic": 5})
    client = client_of(acme, "viewer")

    page = client.get("/usage/?q=basic&sort=quantity&page=1").content.decode()

    for name in ("csv", "xlsx"):
        assert f'href="/usage/?q=basic&amp;sort=quantity&amp;format={name}" download>{name.upper()}</a>' in page
    assert "<html" in client.get("/usage/?format=pdf").content.decode()
