"""Share a whole number out, so that the parts add up to it again. Pure."""

from collections.abc import Mapping
from typing import TypeVar

Key = TypeVar("Key", int, str, tuple[int, int])


def spread(total: int, room: Mapping[Key, int]) -> dict[Key, int]:
    """Share `total` out in proportion to `room`, no part larger than its room.

    What rounding leaves goes to the largest remainders, of equal ones to the lowest key: the order in which the rooms
    come makes no difference. Where the rooms together are too small, each is filled, and the rest stays out.
    """
    whole = sum(room.values())
    if total >= whole:
        return dict(room)
    if total <= 0:
        return dict.fromkeys(room, 0)
    parts = {key: total * size // whole for key, size in room.items()}
    left = total - sum(parts.values())
    by_remainder = sorted(room, key=lambda key: (-(total * room[key] % whole), key))
    for key in by_remainder[:left]:
        parts[key] += 1
    return parts


def spread_in_turn(total: int, *rooms: Mapping[Key, int]) -> dict[Key, int]:
    """Share `total` out by the first rooms, what they cannot hold by the next ones, and so on."""
    shared: dict[Key, int] = {}
    for room in rooms:
        parts = spread(total, room)
        total -= sum(parts.values())
        for key, part in parts.items():
            shared[key] = shared.get(key, 0) + part
    return shared
