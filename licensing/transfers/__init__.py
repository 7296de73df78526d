"""Moving licenses between the virtual accounts of one smart account. Read `executing.run` first.

planning   plans as people make, approve, start, settle and cancel them
executing  one plan step by step against Cisco, each step read back
figures    what Cisco says of one license in two pools, and what became of a step
lock       the lock of an account, and plans whose worker has died
"""

from licensing.transfers.executing import run
from licensing.transfers.lock import fail_lost
from licensing.transfers.planning import (
    Wanted,
    approve,
    cancel,
    check_settling,
    check_start,
    create,
    request,
    settle,
    take_back,
)

__all__ = [
    "Wanted", "approve", "cancel", "check_settling", "check_start", "create", "fail_lost", "request", "run", "settle",
    "take_back",
]  # fmt: skip
