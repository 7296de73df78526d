"""Numbers that Cisco sends and no license can have (licensing.cisco.formats.count): what the run says of them."""

from licensing.mirror.sync.duplicates import and_more, readable
from licensing.mirror.sync.staging import Odd


def remark(odd: list[Odd]) -> str:
    """For people: how they were taken, with an example."""
    pool, key, taken = odd[0]
    return f"Cisco sends numbers for {readable(key)} in {pool} that cannot be: taken were {taken}{and_more(len(odd))}."
