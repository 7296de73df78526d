"""Numbers with their nouns, and lists that name the first few."""

import pytest

from kit.refusals import Refusal
from kit.wording import counted, shorten, shorten_sentences
from licensing.operations import removal
from people.audit import Actor
from tenants.models import Partner
from tests import factories as make


def test_numbers_carry_their_noun() -> None:
    assert [counted(number, "license") for number in (0, 1, 2, 2394)] == [
        "0 licenses",
        "1 license",
        "2 licenses",
        "2,394 licenses",
    ]
    assert counted(2, "entry", "entries") == "2 entries"


@pytest.mark.parametrize(
    ("items", "words"),
    [([], ""), (["A"], "A"), (["A", "B"], "A, B"), (["A", "B", "C"], "A, B and 1 more"), (range(9), "0, 1 and 7 more")],
)
def test_first_few_are_named_and_the_rest_is_a_number(items: list[str], words: str) -> None:
    assert shorten(items, 2) == words


def test_sentences_end_with_the_number_of_the_rest() -> None:
    assert shorten_sentences(["A.", "B."], 2, 2) == ("A.", "B.")
    assert shorten_sentences(["A.", "B.", "C."], 3, 2) == ("A.", "B.", "And 1 more.")
    assert shorten_sentences(["A.", "B."], 1002, 2) == ("A.", "B.", "And 1,000 more.")  # no more were read


def test_a_customer_with_many_clusters_names_the_first_and_counts_the_rest(acme: Partner) -> None:
    customer = make.make_customer(name="Harbor")
    for number in range(7):
        make.make_cluster(customer=customer, name=f"C{number}")

    with pytest.raises(Refusal) as refused:
        removal.delete_customer(Actor(None, "anna"), customer)

    assert refused.value.message == "Harbor has 7 clusters: C0, C1, C2, C3, C4 and 2 more."
