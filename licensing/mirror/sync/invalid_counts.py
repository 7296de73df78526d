"""Word what a run says of numbers that no license can have (licensing.cisco.formats.count)."""

from licensing.mirror.sync.duplicates import and_more, readable
from licensing.mirror.sync.staging import InvalidCounts


def remark(odd: list[InvalidCounts]) -> str:
    """Word for people how invalid numbers were read, with an example."""
    pool, key, taken = odd[0]
    return f"Cisco sends invalid numbers for {readable(key)} in {pool}. The portal used {taken}{and_more(len(odd))}."
