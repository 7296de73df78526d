"""Reads an XLSX file back: what stands in each cell, and of which kind it is."""

import io
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zipfile import ZipFile

from defusedxml import ElementTree

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - spreadsheets know no time zones


def read_xlsx(content: bytes) -> list[list[list[Any]]]:
    """Sheets of rows of cells: str, int, Decimal, bool, datetime or None.

    A formula, a link or any other kind is an error.
    """
    with ZipFile(io.BytesIO(content)) as packed:
        styles = ElementTree.fromstring(packed.read("xl/styles.xml"))
        dated = [one.get("numFmtId") != "0" for one in styles.find(f"{MAIN}cellXfs")]
        names = sorted(name for name in packed.namelist() if name.startswith("xl/worksheets/sheet"))
        sheets = [ElementTree.fromstring(packed.read(name)) for name in names]
    assert [found for sheet in sheets for tag in ("f", "hyperlink") for found in sheet.iter(MAIN + tag)] == []
    return [[_row(row, dated) for row in sheet.iter(f"{MAIN}row")] for sheet in sheets]


def _row(row: Any, dated: list[bool]) -> list[Any]:
    cells: list[Any] = []
    for cell in row:
        cells += [None] * (_column(cell.get("r")) - len(cells))
        cells.append(_value(cell, dated[int(cell.get("s", 0))]))
    return cells


def _column(address: str) -> int:
    number = 0
    for letter in address.rstrip("0123456789"):
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def _value(cell: Any, dated: bool) -> Any:
    kind = cell.get("t", "n")
    if kind == "inlineStr":
        return "".join(part.text or "" for part in cell.iter(f"{MAIN}t"))
    text = cell.find(f"{MAIN}v").text
    if kind == "b":
        return text == "1"
    assert kind == "n", kind
    if dated:
        return EPOCH + timedelta(seconds=round(float(text) * 86400))
    return Decimal(text) if "." in text else int(text)
