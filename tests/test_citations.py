"""Every citation of a document names a page and an anchor that exist in the repository.

A citation has the form `(docs/domain.md#A3)`. Pages link to each other with relative links. Both are looked up here.
Texts outside the repository may not be cited at all.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SUFFIXES = {".py", ".md", ".html", ".toml"}

# A page of the repository: in code "docs/domain.md", with "#A3" for an anchor.
CITATION = re.compile(r"\b(docs/[\w-]+\.md)(?:#([\w-]+))?")
# A link in a page, without those to images, other sites and mail addresses.
LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?![a-z]+:)([^)#\s]*)(?:#([^)\s]+))?\)")
HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)
ANCHOR = re.compile(r'<a id="([^"]+)">')
CODE = re.compile(r"^```.*?^```|`[^`\n]+`", re.MULTILINE | re.DOTALL)

# What is cited here without being in the repository: other documents, their rows, rules and sections.
OUTSIDE = (
    re.compile(r"(?<!docs/)\b(?:domain|cssm-api|tenancy|design|style|voice)\.md\b"),
    re.compile(r"\bcssm-api\b"),
    re.compile(r"\b[Rr]ows? [A-Z][0-9]+\b"),
    re.compile(r"\b[Rr]ule [0-9]+\b"),
    re.compile(r"\b[Pp]ain\s+points? P[0-9]+\b"),
    re.compile("(?<!RFC \\d{4} )\u00a7"),
)


def sources() -> Iterator[Path]:
    """Yield the texts of the repository. Hidden folders hold the environment and the local data."""
    for path in sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        if path.suffix in SUFFIXES and not any(part.startswith(".") for part in parts) and path != Path(__file__):
            yield path


def slug(heading: str) -> str:
    """Return the anchor that GitHub gives to a heading."""
    words = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return words.replace(" ", "-")


@cache
def anchors(page: Path) -> set[str]:
    """Return the anchors of a page: its headings and its rows."""
    text = page.read_text()
    return {slug(heading) for heading in HEADING.findall(CODE.sub("", text))} | set(ANCHOR.findall(text))


def places(text: str, pattern: re.Pattern[str]) -> Iterator[tuple[int, re.Match[str]]]:
    """Yield each match with its line number."""
    for match in pattern.finditer(text):
        yield text.count("\n", 0, match.start()) + 1, match


def broken_citations(text: str, root: Path = ROOT) -> list[str]:
    """Return `line: citation` for each citation whose page or anchor does not exist."""
    return [f"{line}: {match[0]}" for line, match in places(text, CITATION) if not exists(root / match[1], match[2])]


def broken_links(text: str, page: Path) -> list[str]:
    """Return `line: link` for each relative link of a page whose target or anchor does not exist."""
    found = places(CODE.sub(lambda code: "\n" * code[0].count("\n"), text), LINK)
    return [
        f"{line}: {match[0]}"
        for line, match in found
        if not exists(page if not match[1] else page.parent / match[1], match[2])
    ]


def outside_citations(text: str, *, is_page: bool = False) -> list[str]:
    """Return `line: citation` for each citation of a text outside the repository. A page may link to other pages."""
    if is_page:
        text = LINK.sub(lambda link: "\n" * link[0].count("\n"), text)
    return [f"{line}: {match[0]}" for pattern in OUTSIDE for line, match in places(text, pattern)]


def exists(target: Path, anchor: str | None) -> bool:
    """Return whether a file, and an anchor in it, exist. Anchors are those of pages."""
    if not target.exists():
        return False
    return not anchor or (target.suffix == ".md" and anchor in anchors(target))


def test_citations_have_a_target() -> None:
    broken = [f"{path.relative_to(ROOT)}:{found}" for path in sources() for found in broken_citations(path.read_text())]
    assert broken == []


def test_nothing_outside_the_repository_is_cited() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{citation}"
        for path in sources()
        for citation in outside_citations(path.read_text(), is_page=path.suffix == ".md")
    ]
    assert found == []


def test_links_between_pages_have_a_target() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
    broken = [f"{page.relative_to(ROOT)}:{found}" for page in pages for found in broken_links(page.read_text(), page)]
    assert broken == []


@pytest.mark.parametrize("page", ["domain.md", "cisco-api.md"])
def test_each_id_stands_once(page: str) -> None:
    text = (ROOT / "docs" / page).read_text()
    ids = [*ANCHOR.findall(text), *(slug(heading) for heading in HEADING.findall(text))]
    assert sorted(ids) == sorted(set(ids))
    assert len(ids) > 50  # the pages are there, and their rows are found


def test_the_pages_are_cited() -> None:
    """The check reads what it is meant to read: most citations are in code."""
    cited = {match[1] for path in sources() if path.suffix == ".py" for match in CITATION.finditer(path.read_text())}
    assert {"docs/domain.md", "docs/cisco-api.md"} <= cited


@pytest.mark.parametrize(
    "text",
    [
        "# the ordered pool (domain.md A4)",
        "# the ordered pool (row A4)",
        '"""Borrowing (domain.md \u00a74.3, rows H10-H12)."""',
        "# cssm-api \u00a73.2",
        "(docs/architecture.md, rule 9)",
        '"""A token of the wrong pool (pain\npoint P3)."""',
        "# roles: design.md",
        "# \u00a74.5",
    ],
)
def test_a_text_outside_the_repository_is_found(text: str) -> None:
    assert outside_citations(text)


@pytest.mark.parametrize(
    "text",
    ["# (docs/domain.md#A4)", "# RFC 9110 \u00a710.2.3", "# 2 rows", "rules A4 and up", "the row of a table"],
)
def test_other_words_are_left_alone(text: str) -> None:
    assert outside_citations(text) == []


def test_a_citation_without_target_is_found(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    page = tmp_path / "docs" / "facts.md"
    page.write_text('# Facts\n\n## How sure a fact is?\n\n| <a id="A3"></a>A3 | A fact |\n')
    text = "(docs/facts.md#A3), (docs/facts.md#how-sure-a-fact-is), docs/facts.md\n\n(docs/facts.md#A4) (docs/other.md)"
    assert broken_citations(text, tmp_path) == ["3: docs/facts.md#A4", "3: docs/other.md"]


def test_a_link_without_target_is_found(tmp_path: Path) -> None:
    page = tmp_path / "facts.md"
    page.write_text('# Facts\n\n<a id="A3"></a>\n')
    text = "[a](facts.md#A3) [b](#facts) [c](https://cisco.com/x#y)\n`[d](none.md)`\n[e](facts.md#B1) [f](none.md)"
    assert broken_links(text, page) == ["3: [e](facts.md#B1)", "3: [f](none.md)"]
