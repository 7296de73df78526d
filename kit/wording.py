"""Say numbers and lists the same way everywhere: "1 license", "A, B, C and 2 more"."""

from collections.abc import Iterable, Sequence


def counted(number: int, one: str, many: str = "") -> str:
    """Return the number with its noun: "1 license", "2,394 licenses". Without `many`, the plural ends in "s"."""
    return f"{number:,} {choose(number, one, many or f'{one}s')}"


def choose(number: int, one: str, many: str) -> str:
    """Return the singular for exactly 1, else the plural. The one place that decides, until gettext does."""
    return one if number == 1 else many


NAMED = 3  # items that a sentence names, unless a caller says otherwise


def shorten(items: Sequence[object], most: int = NAMED) -> str:
    """Name the first `most` items and count the rest: "A, B, C and 2 more"."""
    shown = ", ".join(str(item) for item in items[:most])
    return f"{shown} and {count_more(len(items), most)}" if len(items) > most else shown


def shorten_sentences(sentences: Iterable[str], number: int, most: int) -> tuple[str, ...]:
    """Keep the first `most` of `number` sentences and count the rest in a last one: "And 3 more."

    A caller that reads its rows from the database passes no more sentences than it shows.
    """
    shown = tuple(sentence for sentence, _ in zip(sentences, range(most), strict=False))
    return (*shown, f"And {count_more(number, most)}.") if number > most else shown


def count_more(number: int, shown: int) -> str:
    """Return how many of `number` are not shown: "3 more"."""
    return f"{number - shown:,} more"
