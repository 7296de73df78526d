"""Write a table as a file: CSV for programs, XLSX for spreadsheets."""

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

# The last row of a sheet in Excel, and the first year of its calendar.
SHEET_ROWS = 1_048_576
FIRST_YEAR = 1900
# The capacity of a cell in UTF-16 units. The library would drop the rest without a word.
CELL_UNITS = 32_767
CUT = "… cut here: a cell of a spreadsheet holds no more. The CSV file has all of it."
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
COLUMN_WIDTH = 22

Rows = Iterable[Sequence[Any]]


def requested_format(request: HttpRequest) -> str:
    """Return the file format that `?format=` names, or "" for the page."""
    format_ = request.GET.get("format", "")
    return format_ if format_ in FORMATS else ""


def links(request: HttpRequest) -> list[tuple[str, str]]:
    """Return the name and address of each file format. The file holds all pages of the list that is shown."""
    query = request.GET.copy()
    query.pop("page", None)
    found = []
    for format_ in FORMATS:
        query["format"] = format_
        found.append((format_.upper(), f"{request.path}?{query.urlencode()}"))
    return found


def answer(rows: Rows, name: str, format_: str) -> HttpResponse:
    """Return the rows as a download. The first row names the columns; `name` is the file name in words."""
    words = re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-")
    return FORMATS[format_](rows, f"{words}-{timezone.localdate():%Y-%m-%d}.{format_}")


def csv_answer(rows: Rows, filename: str) -> HttpResponse:
    text = io.StringIO()
    writer = csv.writer(text)
    for row in rows:
        writer.writerow([plain(value) for value in row])
    return download(text.getvalue(), "text/csv; charset=utf-8", filename)


def plain(value: Any) -> Any:
    """Return a value that no spreadsheet runs as a formula. Names come from outside the portal."""
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
    """Write the rows to an XLSX file. Each row goes to the disk at once: a list may have a million of them.

    Rows that one sheet cannot hold go on in another, below the same head; the library would drop them without a word.
    """
    with Workbook(file, {"constant_memory": True, "use_zip64": True}) as book:
        bold = book.add_format({"bold": True})
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        moment = book.add_format({"num_format": 'yyyy-mm-dd hh:mm:ss "UTC"'})  # spreadsheets know no time zones
        lines = iter(rows)
        head = next(lines)
        sheet, at = _add_sheet(book, head, bold), 1
        for row in lines:
            if at == sheet_rows:
                sheet, at = _add_sheet(book, head, bold), 1
            for column, value in enumerate(row):
                _write_cell(sheet, at, column, value, day, moment)
            at += 1


def _add_sheet(book: Any, head: Sequence[Any], bold: Any) -> Any:
    sheet = book.add_worksheet()
    sheet.set_column(0, len(head) - 1, COLUMN_WIDTH)
    sheet.freeze_panes(1, 0)
    for column, name in enumerate(head):
        sheet.write_string(0, column, str(name), bold)
    return sheet


def _write_cell(sheet: Any, row: int, column: int, value: Any, day: Any, moment: Any) -> None:
    """Write a cell by the type of its value. A text may begin with = or https:// or be all digits, and stays text."""
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
            sheet.write_string(row, column, _fit_cell(str(value)))


def _fit_cell(text: str) -> str:
    """Return the text, cut to what a cell can hold and marked as cut."""
    if len(text) <= CELL_UNITS // 2:
        return text
    units = text.encode("utf-16-le")
    if len(units) <= 2 * CELL_UNITS:
        return text
    return units[: 2 * (CELL_UNITS - len(CUT))].decode("utf-16-le", "ignore") + CUT  # drops half a surrogate


FORMATS: dict[str, Callable[[Rows, str], HttpResponse]] = {"csv": csv_answer, "xlsx": xlsx_answer}
