"""A cluster's place in a virtual account: decided with checks before, carried out by jobs of four stages, in batches.

Decisions (`assign`, `reassign`, `end`) write the Assignment and the AssignmentJob together; `running.run` carries a job
out, and waits for the network outside of any transaction. Pages, REST, admin and batches call the same functions.
"""

from licensing.assignment.checks import (
    Facts,
    NotAssignable,
    Reason,
    Step,
    facts_of,
    reasons_against,
    standing_against,
)
from licensing.assignment.decisions import assign, end, reassign
from licensing.assignment.effects import restarting_publisher
from licensing.assignment.people import cancel, confirm, report_failure, retry
from licensing.assignment.running import lost, run

__all__ = [
    "Facts",
    "NotAssignable",
    "Reason",
    "Step",
    "assign",
    "cancel",
    "confirm",
    "end",
    "facts_of",
    "lost",
    "reasons_against",
    "reassign",
    "report_failure",
    "restarting_publisher",
    "retry",
    "run",
    "standing_against",
]
