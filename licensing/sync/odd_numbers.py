"""Numbers that Cisco sends and no license can have (licensing.cssm.formats.count): what the run says of them."""

from licensing.sync.staging import Odd
from licensing.sync.twins import and_more, readable


def remark(odd: list[Odd]) -> str:
    """For people: how they were taken, with an example."""
    pool, key, taken = odd[0]
    return f"Cisco sends numbers for {readable(key)} in {pool} that cannot be: taken were {taken}{and_more(len(odd))}."
