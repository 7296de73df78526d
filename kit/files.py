"""A table as a file: CSV, or XLSX for who opens it in a spreadsheet."""

import csv
import io
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from xlsxwriter import Workbook

from kit import formulas

# Where Excel's sheets end, and its calendar begins.
SHEET_ROWS = 1_048_576
FIRST_YEAR = 1900
# What one of its cells holds, in the units of UTF-16; the library would drop the rest without a word.
CELL_UNITS = 32_767
CUT = "… cut here: a cell of a spreadsheet holds no more. The CSV file has all of it."
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
COLUMN_WIDTH = 22

Rows = Iterable[Sequence[Any]]


def asked(request: HttpRequest) -> str:
    """The format that `?format=` names, empty where the page is meant."""
    format_ = request.GET.get("format", "")
    return format_ if format_ in FORMATS else ""


def links(request: HttpRequest) -> list[tuple[str, str]]:
    """Name and address of each format: what the page shows, all pages of it."""
    query = request.GET.copy()
    query.pop("page", None)
    found = []
    for format_ in FORMATS:
        query["format"] = format_
        found.append((format_.upper(), f"{request.path}?{query.urlencode()}"))
    return found


def answer(rows: Rows, name: str, format_: str) -> HttpResponse:
    """`rows`: the first one names the columns. `name`: of the file, in words."""
    words = re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-")
    return FORMATS[format_](rows, f"{words}-{timezone.localdate():%Y-%m-%d}.{format_}")


def csv_answer(rows: Rows, filename: str) -> HttpResponse:
    text = io.StringIO()
    writer = csv.writer(text)
    for row in rows:
        writer.writerow([plain(value) for value in row])
    return download(text.getvalue(), "text/csv; charset=utf-8", filename)


def plain(value: Any) -> Any:
    """Names come from outside: none of them may turn into a formula."""
    if isinstance(value, date):  # a datetime is one too
        return value.isoformat()
    return f"'{value}" if isinstance(value, str) and value.startswith(formulas.STARTS) else value


def xlsx_answer(rows: Rows, filename: str) -> HttpResponse:
    file = io.BytesIO()
    write_xlsx(rows, file)
    return download(file.getvalue(), XLSX_TYPE, filename)


def download(content: str | bytes, content_type: str, filename: str) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{filename}"'}
    return HttpResponse(content, content_type=content_type, headers=headers)


def write_xlsx(rows: Rows, file: Any, sheet_rows: int = SHEET_ROWS) -> None:
    """Each row goes to the disk at once: a list may have a million, and memory shall hold the packed file alone.

    What one sheet cannot hold goes on in another, below the same head; the library would drop it without a word.
    """
    with Workbook(file, {"constant_memory": True, "use_zip64": True}) as book:
        bold = book.add_format({"bold": True})
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        moment = book.add_format({"num_format": 'yyyy-mm-dd hh:mm:ss "UTC"'})  # spreadsheets know no time zones
        lines = iter(rows)
        head = next(lines)
        sheet, at = _sheet(book, head, bold), 1
        for row in lines:
            if at == sheet_rows:
                sheet, at = _sheet(book, head, bold), 1
            for column, value in enumerate(row):
                _put(sheet, at, column, value, day, moment)
            at += 1


def _sheet(book: Any, head: Sequence[Any], bold: Any) -> Any:
    sheet = book.add_worksheet()
    sheet.set_column(0, len(head) - 1, COLUMN_WIDTH)
    sheet.freeze_panes(1, 0)
    for column, name in enumerate(head):
        sheet.write_string(0, column, str(name), bold)
    return sheet


def _put(sheet: Any, row: int, column: int, value: Any, day: Any, moment: Any) -> None:
    """By type, never by the looks of the text: a name may begin with = or with https://, or be all digits."""
    match value:
        case None | "":
            pass
        case bool():
            sheet.write_boolean(row, column, value)
        case int() | float() | Decimal():
            sheet.write_number(row, column, value)
        case datetime() if value.year >= FIRST_YEAR:
            sheet.write_datetime(row, column, value.astimezone(UTC).replace(tzinfo=None), moment)
        case date() if value.year >= FIRST_YEAR:
            sheet.write_datetime(row, column, value, day)
        case _:
            sheet.write_string(row, column, _fitting(str(value)))


def _fitting(text: str) -> str:
    """What a cell can hold of it; where that is not all, it says so."""
    if len(text) <= CELL_UNITS // 2:
        return text
    units = text.encode("utf-16-le")
    if len(units) <= 2 * CELL_UNITS:
        return text
    return units[: 2 * (CELL_UNITS - len(CUT))].decode("utf-16-le", "ignore") + CUT  # no half of a letter at its end


FORMATS: dict[str, Callable[[Rows, str], HttpResponse]] = {"csv": csv_answer, "xlsx": xlsx_answer}
