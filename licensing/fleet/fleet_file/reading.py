"""Read an uploaded file into lines, whatever program has written it. Pure: no database.

It takes UTF-8 and UTF-16 with or without a byte order mark, and Windows-1252; and commas, semicolons or tabs. Its size
and its number of lines are bounded. An error in the file as a whole is a Refusal, an error in a line a Bad.
"""

import codecs
import csv
import io
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from kit import formulas
from kit.refusals import Refusal

MAX_BYTES = 5 * 1024 * 1024
MAX_LINES = 20_000
# Each column with its contents. A line is a customer, one of its clusters, or a node of that: the last that it names.
COLUMNS = {
    "customer": "Name of the customer. The only required column.",
    "customer_tags": "Short words with commas between them.",
    "customer_note": "Anything about the customer.",
    "customer_proxy_host": "Its HTTPS proxy. Passwords are not imported: enter them on the customer's page.",
    "customer_proxy_port": "Required for a proxy.",
    "customer_proxy_username": "Where the proxy asks for one.",
    "cluster": "Name of the cluster, unique for its customer.",
    "application": "cucm, cuc, cer, expressway_c or expressway_e. A new cluster needs it.",
    "version": "As the application shows it, for example 14.0.1.",
    "deployment": "hcs or enterprise; empty for a new cluster: hcs.",
    "mixed_mode": "yes or no.",
    "managed_on_premise": "yes or no.",
    "installed_on": "A day as 2026-12-31.",
    "license_server": "Name of the On-Prem server that it registers with.",
    "cluster_proxy_host": "The cluster's own HTTPS proxy.",
    "cluster_proxy_port": "Required for a proxy.",
    "cluster_proxy_username": "Where the proxy asks for one.",
    "node": "Host name.",
    "role": "publisher or subscriber; empty for a new node: subscriber.",
    "serial": "UDI serial number or UUID.",
}
CLUSTER_COLUMNS = tuple(COLUMNS)[list(COLUMNS).index("cluster") + 1 : list(COLUMNS).index("node")]
NODE_COLUMNS = ("role", "serial")
DELIMITERS = ",;\t"
AGAIN = "Save it as CSV (UTF-8) and choose it again."


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the file. `number` is where it begins; the first is 1. `cells` are its filled cells, by column."""

    number: int
    cells: dict[str, str]

    @property
    def names(self) -> str:
        return " · ".join(self.cells[name] for name in ("customer", "cluster", "node") if name in self.cells)


@dataclass(frozen=True, slots=True)
class Bad:
    number: int
    names: str
    reason: str


@dataclass(slots=True)
class Sheet:
    lines: list[Line] = field(default_factory=list)
    bad: list[Bad] = field(default_factory=list)


def decode(content: bytes) -> str:
    """Return the file's text. Raises Refusal for a file that is too large or no text."""
    if len(content) > MAX_BYTES:
        raise Refusal(f"The file is larger than {MAX_BYTES // 1024 // 1024} MB.", "Import it in parts.", "file")
    for encoding in _encodings(content):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise Refusal("This is not a text file.", AGAIN, "file")


def _encodings(content: bytes) -> tuple[str, ...]:
    """Return the encodings to try. A file begins with a letter or a quote; UTF-16 puts a zero byte next to it."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return ("utf-16",)
    if b"\0" in content[:2]:
        return ("utf-16-be",) if content[:1] == b"\0" else ("utf-16-le",)
    return ("utf-8-sig", "cp1252")


def read(text: str) -> Sheet:
    """Read the lines. Raises Refusal for a header that is missing or wrong, or for too many lines."""
    lines = rows(text)
    columns = find_columns(next(lines, (0, []))[1], COLUMNS, "customer")
    sheet = Sheet()
    for number, cells in lines:
        if len(sheet.lines) + len(sheet.bad) >= MAX_LINES:
            raise Refusal(f"The file has more than {MAX_LINES:,} lines.", "Import it in parts.", "file")
        _add_line(sheet, columns, number, cells)
    return sheet


def rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each row with the number of the line on which it begins. Empty rows are skipped."""
    first, _, rest = text.partition("\n")
    number = 1
    if first.lower().startswith("sep="):  # how Excel tells its delimiter
        number, text, first = 2, rest, rest.partition("\n")[0]
    delimiter = max(DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    before = number
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield number, cells
            number = reader.line_num + before
    except csv.Error as error:
        said = f"Line {number} is not CSV: {error}."
        raise Refusal(said, f"Check for unclosed quotes. {AGAIN}", "file") from None


def find_columns(header: list[str], known: Collection[str], needed: str) -> list[str]:
    """Return the columns that the first line names. Raises Refusal for unknown ones, and where `needed` is missing."""
    columns = [name.strip().lower().replace(" ", "_") for name in header]
    while columns and not columns[-1]:
        columns.pop()
    unknown = [name for name in columns if name not in known]
    if needed not in columns or unknown:
        said = (
            f"The first line names unknown columns: {', '.join(unknown)[:200]}."
            if unknown
            else (f"The first line does not name the column {needed}.")
        )
        raise Refusal(said, f"Known columns: {', '.join(known)}.", "file")
    if twice := sorted({name for name in columns if columns.count(name) > 1}):
        raise Refusal(f"The first line names {', '.join(twice)} twice.", "Name each column once.", "file")
    return columns


def _add_line(sheet: Sheet, columns: list[str], number: int, cells: list[str]) -> None:
    values = {name: plain for name, cell in zip(columns, cells, strict=False) if (plain := clean_cell(cell))}
    line = Line(number, values)
    if any(cell.strip() for cell in cells[len(columns) :]):
        sheet.bad.append(Bad(number, line.names, "It has more cells than the first line has columns."))
    elif "customer" not in values:
        sheet.bad.append(Bad(number, line.names, "It names no customer."))
    elif why := _find_stray_value(values):
        sheet.bad.append(Bad(number, line.names, why))
    else:
        sheet.lines.append(line)


def _find_stray_value(values: dict[str, str]) -> str:
    """Return why a value belongs to nothing that the line names, "" where all belong somewhere."""
    if "cluster" not in values:
        if "node" in values:
            return "It names a node but no cluster."
        if lone := next((name for name in (*CLUSTER_COLUMNS, *NODE_COLUMNS) if name in values), ""):
            return f"It has {lone} but names no cluster."
    if "node" not in values and (lone := next((name for name in NODE_COLUMNS if name in values), "")):
        return f"It has {lone} but names no node."
    return ""


def looks_like_formula(text: str) -> bool:
    """Return whether a spreadsheet would run the text. The export puts an apostrophe before it; the import removes it.

    Apostrophes in front count as part of such a text, or one of the text's own would be removed.
    """
    return text.lstrip("'").startswith(formulas.STARTS)


def clean_cell(cell: str) -> str:
    """Return the text of a cell without blanks around it, and without the apostrophe that the export has added."""
    text = cell.strip()
    return text[1:] if text.startswith("'") and looks_like_formula(text) else text
