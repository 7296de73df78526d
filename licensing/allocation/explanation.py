"""Explain the figures of a license in a virtual account, and compare them with Cisco's own.

The engine answers by Cisco's published rules (docs/domain.md#allocation); Cisco's `available`, status and substitutions
come from the mirror. Where the two differ and we know no reason, the page says so. How Cisco counts under
overage, reservation and substitution is unknown (docs/cisco-api.md#available).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from licensing.allocation import holdings
from licensing.allocation.engine import Explanation, Rule, license_of, totals
from licensing.allocation.holdings import Holding
from licensing.allocation.license_names import CURRENT
from licensing.mirror.models import License

# Defects that Cisco has published (docs/domain.md#known-defects), and what else can be the reason.
KNOWN_CAUSES = (
    "Reserved and directly connected products in one virtual account (CSCwf47223): reservations do not borrow.",
    "On-Prem shows borrowing differently from the cloud (CSCwf47221), and older versions did not borrow (CSCvh16069).",
    "Figures that changed at Cisco while the sync read them: the next sync may agree.",
)


class Verdict(StrEnum):
    AGREES = "agrees"
    EXPLAINED = "explained"  # the figures differ, and we know why
    UNEXPLAINED = "unexplained"


@dataclass(frozen=True)
class Comparison:
    """A comparison sets one of Cisco's figures beside ours."""

    topic: str
    verdict: Verdict
    text: str


@dataclass(frozen=True)
class Explained:
    """An explained license of a pool counts all its spellings together, as Cisco does."""

    license: str
    rows: tuple[License, ...]  # empty: used here, and not listed by Cisco
    names: frozenset[str]  # every spelling, owned or used
    figures: Explanation
    used: int  # by product instances
    unexplained_use: int  # what Cisco counts beyond that
    comparisons: tuple[Comparison, ...]

    @property
    def known(self) -> bool:
        """Return whether Cisco's rules name the license; otherwise it serves itself alone."""
        return any(CURRENT.find(name) for name in self.names)

    @property
    def unexplained(self) -> bool:
        return any(part.verdict == Verdict.UNEXPLAINED for part in self.comparisons)

    @property
    def differs(self) -> bool:
        return any(part.verdict != Verdict.AGREES for part in self.comparisons)


def explain(holding: Holding) -> dict[str, Explained]:
    """Explain every license owned or used in the pool, by its tag (engine.license_of), families first."""
    names: dict[str, set[str]] = {}
    for name in (*holding.supply, *holding.asked, *holding.reserved):
        names.setdefault(license_of(name, CURRENT), set()).add(name)
    found: dict[str, Explained] = {}
    for figures in holding.allocation.explain():
        tag = license_of(figures.license, CURRENT)
        found[tag] = _explain_figures(holding, figures, frozenset(names[tag]))
    return found


def of_license(holding: Holding, row: License) -> Explained | None:
    """Return the explanation of this license; None where the license is gone."""
    return explain(holding).get(license_of(row.name, CURRENT))


def explain_license(row: License) -> Explained | None:
    """Explain one license by what its virtual account holds; None for a license that Cisco no longer lists."""
    if row.gone_at:
        return None
    return of_license(holdings.of([row.virtual_account])[row.virtual_account_id], row)


def _explain_figures(holding: Holding, figures: Explanation, names: frozenset[str]) -> Explained:
    rows = tuple(row for row in holding.licenses if row.name in names)
    used = sum(holding.demand.get(name, 0) for name in names)
    unexplained = sum(holding.unexplained.get(name, 0) for name in names)
    title = rows[0].name if rows else _display(figures.license)
    comparisons = tuple(_compare(holding, rows, figures, used, unexplained)) if rows else ()
    return Explained(title, rows, names, figures, used, unexplained, comparisons)


def _compare(
    holding: Holding, rows: tuple[License, ...], figures: Explanation, used: int, unexplained: int
) -> Iterable[Comparison]:
    yield _in_use(sum(row.in_use for row in rows), used, unexplained, figures)
    yield _available(rows, figures)
    yield _status(rows, figures)
    yield _substitutions(holding, rows, figures)


def _in_use(cisco: int, used: int, unexplained: int, figures: Explanation) -> Comparison:
    if cisco == used:
        return Comparison("In use", Verdict.AGREES, f"{cisco:,}, the same as the sum of the product instances.")
    figures_text = f"Cisco counts {cisco:,} in use; the product instances use {used:,}."
    if unexplained:
        return Comparison(
            "In use",
            Verdict.UNEXPLAINED,
            f"{figures_text} We cannot explain {unexplained:,} of them; they count as needed here.",
        )
    if cisco > used:
        return Comparison("In use", Verdict.EXPLAINED, f"{figures_text} The rest is lent to other licenses.")
    if used - cisco <= figures.borrowed:
        return Comparison(
            "In use", Verdict.EXPLAINED, f"{figures_text} Cisco may count borrowed licenses at the lender."
        )
    return Comparison("In use", Verdict.UNEXPLAINED, f"{figures_text} We do not know why it counts fewer.")


def _available(rows: tuple[License, ...], figures: Explanation) -> Comparison:
    cisco = sum(row.available for row in rows)
    ours = figures.left - figures.short
    plain = sum(row.quantity - row.in_use - row.reserved for row in rows)
    if cisco == ours:
        return Comparison("Available", Verdict.AGREES, f"{_signed(cisco)}, the same as by the rules.")
    figures_text = f"Cisco shows {_signed(cisco)} available; by the rules it is {_signed(ours)}."
    if cisco == plain:
        why = " and ".join(
            f"{number:,} {word}"
            for number, word in ((figures.borrowed, "borrowed here"), (figures.lent, "lent to other licenses"))
            if number
        )
        left_out = f" That leaves out {why}." if why else ""
        return Comparison(
            "Available",
            Verdict.EXPLAINED if why else Verdict.UNEXPLAINED,
            f"{figures_text} Cisco subtracts licenses in use from licenses owned.{left_out}",
        )
    return Comparison("Available", Verdict.UNEXPLAINED, f"{figures_text} We cannot explain Cisco's number.")


def _status(rows: tuple[License, ...], figures: Explanation) -> Comparison:
    states = {row.status for row in rows}
    if states <= {License.Status.UNKNOWN}:
        return Comparison("Status", Verdict.EXPLAINED, "Cisco reports no status.")
    short = License.Status.OUT_OF_COMPLIANCE in states
    if short == bool(figures.short):
        return Comparison("Status", Verdict.AGREES, "Out of compliance." if short else "In compliance.")
    if short:
        why = f"borrowing {figures.borrowed:,} covers everything" if figures.borrowed else "nothing is short"
        return Comparison(
            "Status",
            Verdict.UNEXPLAINED,
            f"Cisco reports out of compliance, although by the rules {why}. We cannot explain that.",
        )
    return Comparison(
        "Status",
        Verdict.UNEXPLAINED,
        f"Cisco reports in compliance, although by the rules {figures.short:,} are short. We cannot explain that.",
    )


def _substitutions(holding: Holding, rows: tuple[License, ...], figures: Explanation) -> Comparison:
    ours = totals(
        (license_of(grant.granted, CURRENT), grant.quantity) for grant in figures.served_by if grant.rule != Rule.OWN
    )
    cisco = _substitutions_at_cisco(holding, license_of(figures.license, CURRENT))
    if cisco == ours:
        text = f"{_list_quantities(ours)} borrowed." if ours else "No substitution is needed, and Cisco lists none."
        return Comparison("Substitutions", Verdict.AGREES, text)
    figures_text = (
        f"Cisco lists {_list_quantities(cisco) or 'none'}; by the rules it is {_list_quantities(ours) or 'none'}."
    )
    if not cisco:
        return Comparison("Substitutions", Verdict.EXPLAINED, f"{figures_text} Cisco's list is usually empty.")
    return Comparison("Substitutions", Verdict.UNEXPLAINED, f"{figures_text} We cannot explain that.")


def _substitutions_at_cisco(holding: Holding, tag: str) -> dict[str, int]:
    """Return what Cisco lends to this license, by the lender's tag."""
    parts = (
        (license_of(part["substituted_license"], CURRENT), max(part["quantity"] or 0, 0))
        for row in holding.licenses
        for part in row.substitutions
        if license_of(part["license"] or row.name, CURRENT) == tag
    )
    return {name: quantity for name, quantity in totals(parts).items() if quantity}


def _list_quantities(quantities: dict[str, int]) -> str:
    return ", ".join(f"{quantity:,} × {_display(name)}" for name, quantity in quantities.items())


def _signed(number: int) -> str:
    return f"{number:,}".replace("-", "−")


def _display(name: str) -> str:
    return CURRENT.display_name(name)
