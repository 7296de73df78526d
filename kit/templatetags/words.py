"""Name the icon, the tone and the label of each state. A page never shows a state by its colour alone.

A state that is one of a model's choices has the label of that choice, here as in REST, mail, admin and files.
"""

from dataclasses import dataclass
from functools import cache
from pydoc import locate
from typing import cast

from django.conf import settings
from django.db.models import TextChoices

# Tones: good, warn, bad, info, quiet. The stylesheet has a class of each name.


@dataclass(frozen=True, slots=True)
class State:
    tone: str
    icon: str
    label: str


@cache
def shown_choices() -> tuple[type[TextChoices], ...]:
    """Return the choices that templates show by their value alone. The settings name them.

    A value has one label in all of them, with one exception: a running test has its own label.
    """
    return tuple(cast("type[TextChoices]", locate(path)) for path in settings.SHOWN_CHOICES)


# Tone and icon by value.
LOOKS = {
    # status of a license
    "in_compliance": ("good", "circle-check"),
    "out_of_compliance": ("bad", "octagon-alert"),
    "unknown": ("quiet", "circle-question-mark"),
    # status of a sync run
    "queued": ("info", "hourglass"),
    "running": ("info", "loader"),
    "succeeded": ("good", "circle-check"),
    "failed": ("bad", "circle-x"),
    # Check of a license server; `running` stands above
    "not_tested": ("quiet", "circle-dashed"),
    "ok": ("good", "circle-check"),
    "refused": ("bad", "ban"),
    "unavailable": ("warn", "unplug"),
    # alerts.Severity and the state of an alert
    "critical": ("bad", "siren"),
    "major": ("bad", "octagon-alert"),
    "minor": ("warn", "triangle-alert"),
    "info": ("info", "info"),
    "open": ("warn", "circle-alert"),
    "closed": ("quiet", "circle-check"),
    "acknowledged": ("info", "check"),
    "snoozed": ("quiet", "bell-off"),
    # VirtualAccount.Purpose and .LicenseMode
    "ordered": ("info", "package"),
    "operational": ("info", "activity"),
    "general": ("quiet", "layers"),
    "hcs": ("quiet", "cloud"),
    "enterprise": ("quiet", "building-2"),
    # cluster_status.Status
    "multiple_virtual_accounts": ("bad", "split"),
    "auto_registration_failed": ("bad", "circle-x"),
    "manual_registration_failed": ("bad", "circle-x"),
    "deregistration_failed": ("bad", "circle-x"),
    "auto_registration_in_progress": ("info", "loader"),
    "auto_deregistration_in_progress": ("info", "loader"),
    "manual_registration_in_progress": ("info", "loader"),
    "manual_deregistration_in_progress": ("info", "loader"),
    "auto_registered": ("good", "circle-check"),
    "deregistered": ("bad", "unlink"),
    "registered_elsewhere": ("bad", "map-pin-off"),
    "partially_registered": ("warn", "circle-dot-dashed"),
    "manually_registered": ("good", "circle-check"),
    "assigned": ("warn", "hourglass"),
    "not_assigned": ("quiet", "circle-dashed"),
    # transport.Mode
    "proxy": ("good", "waypoints"),
    "direct": ("quiet", "arrow-right"),
    "on_prem": ("info", "server"),
    # rows and people
    "present": ("good", "circle-check"),
    "gone": ("quiet", "ghost"),
    "paused": ("quiet", "pause"),
    "active": ("good", "circle-check"),
    "inactive": ("quiet", "circle-slash"),
    "expired": ("quiet", "clock-alert"),
    "revoked": ("quiet", "ban"),
    "ended": ("quiet", "circle-minus"),
    # statements
    "corrected": ("warn", "file-pen"),
    "issued": ("good", "file-check"),
    "current": ("good", "link"),
    # mixed_mode.Gate
    "gate_open": ("good", "lock-open"),
    "gate_closed": ("warn", "lock"),
    "allowed": ("info", "shield-check"),
    "used_up": ("quiet", "clock-alert"),
    # explanation.Verdict
    "agrees": ("good", "circle-check"),
    "explained": ("info", "info"),
    "unexplained": ("warn", "circle-question-mark"),
    # history.Change.Kind
    "created": ("info", "circle-plus"),
    "changed": ("info", "pencil"),
    "back": ("good", "undo-2"),
    # AssignmentJob, AssignmentStage and AssignmentBatch; some of them stand above
    "waiting": ("quiet", "hourglass"),
    "by_hand": ("warn", "hand"),
    "verifying": ("info", "refresh-cw"),
    "done": ("good", "circle-check"),
    "skipped": ("quiet", "circle-minus"),
    "draft": ("quiet", "pencil"),
    "planned": ("info", "calendar-clock"),
    "stopped": ("bad", "octagon-alert"),
    "over": ("warn", "clock-alert"),
    "approval": ("warn", "user-check"),
    # lines of licenses, as Cisco names their states
    "canceled": ("warn", "circle-slash"),
    "cancelled": ("warn", "circle-slash"),
    "future": ("info", "calendar"),
    "pending": ("info", "hourglass"),
    # TransferPlan.State and TransferStep.State, where they are not above
    "approved": ("info", "check"),
    "sending": ("info", "loader"),
    "verified": ("good", "circle-check"),
    "unclear": ("warn", "circle-question-mark"),
    # states.State of orders, and Movement.Kind
    "partly_delivered": ("warn", "package-open"),
    "delivered": ("good", "package-check"),
    "wrong_account": ("bad", "map-pin-off"),
    "overdue": ("bad", "clock-alert"),
    "first": ("quiet", "eye"),
    "deposit": ("good", "package"),
    "withdrawal": ("warn", "package-minus"),
    "move": ("info", "arrow-left-right"),
    # worklist.Reason
    "stranded": ("warn", "anchor"),
    "not_deposited": ("warn", "package"),
    "wrong_deposit": ("warn", "map-pin-off"),
    "ghost": ("warn", "ghost"),
    "misplaced": ("warn", "map-pin-off"),
    "ambiguous": ("info", "circle-question-mark"),
    "unmatched": ("info", "unlink"),
}

# States that are no choice of a model: computed states of rows and people, and words of Cisco's.
WORDS = {
    "not_tested": "Not tested",
    "open": "Open",
    "present": "Present",
    "paused": "Paused",
    "active": "Active",
    "inactive": "Deactivated",
    "expired": "Expired",
    "revoked": "Revoked",
    "ended": "Ended",
    "current": "Current",
    "corrected": "Corrected",
    "gate_open": "Open",
    "gate_closed": "Closed",
    "allowed": "Export-controlled allowed",
    "used_up": "Used up",
    "agrees": "Agrees",
    "explained": "Differs, explained",
    "unexplained": "Differs",
    "approval": "Needs approval",
    "canceled": "Cancelled",
    "future": "Future",
    "pending": "Pending",
}


@cache
def labels() -> dict[str, str]:
    """Return the label of every state by its value."""
    return {
        **WORDS,
        **{str(choice.value): str(choice.label) for choices in shown_choices() for choice in choices if choice.value},
    }


def state_of(value: str, label: str = "") -> State:
    """Return the state of one of our values or of Cisco's ("In Compliance"). Unknown values are their own label."""
    key = value.strip().lower().replace(" ", "_")
    tone, icon = LOOKS.get(key, ("quiet", "circle-dashed"))
    return State(tone, icon, label or labels().get(key, value))
