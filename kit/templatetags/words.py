"""What a state is called on the page, with the icon and the tone that go with it: never a colour alone."""

from dataclasses import dataclass

# Tones: good, warn, bad, info, quiet. The stylesheet has a class of each name.


@dataclass(frozen=True, slots=True)
class State:
    tone: str
    icon: str
    label: str


STATES = {
    # status of a license
    "in_compliance": State("good", "circle-check", "In compliance"),
    "out_of_compliance": State("bad", "octagon-alert", "Out of compliance"),
    "unknown": State("quiet", "circle-question-mark", "Unknown"),
    # status of a sync run
    "queued": State("info", "hourglass", "Queued"),
    "running": State("info", "loader", "Running"),
    "succeeded": State("good", "circle-check", "Succeeded"),
    "failed": State("bad", "circle-x", "Failed"),
    # Check of a license server; its running one is above
    "not_tested": State("quiet", "circle-dashed", "Not tested"),
    "ok": State("good", "circle-check", "Connected"),
    "refused": State("bad", "ban", "Refused"),
    "unavailable": State("warn", "unplug", "Unreachable"),
    # alerts.Severity and the state of an alert
    "critical": State("bad", "siren", "Critical"),
    "major": State("bad", "octagon-alert", "Major"),
    "minor": State("warn", "triangle-alert", "Minor"),
    "info": State("info", "info", "Info"),
    "open": State("warn", "circle-alert", "Open"),
    "closed": State("quiet", "circle-check", "Closed"),
    "acknowledged": State("info", "check", "Acknowledged"),
    "snoozed": State("quiet", "bell-off", "Snoozed"),
    # VirtualAccount.Purpose and .LicenseMode
    "ordered": State("info", "package", "Ordered"),
    "operational": State("info", "activity", "Operational"),
    "general": State("quiet", "layers", "General"),
    "hcs": State("quiet", "cloud", "HCS"),
    "enterprise": State("quiet", "building-2", "Enterprise"),
    # cluster_status.Status
    "multiple_virtual_accounts": State("bad", "split", "In several virtual accounts"),
    "auto_registration_failed": State("bad", "circle-x", "Auto registration failed"),
    "manual_registration_failed": State("bad", "circle-x", "Manual registration failed"),
    "deregistration_failed": State("bad", "circle-x", "Deregistration failed"),
    "auto_registration_in_progress": State("info", "loader", "Auto registration in progress"),
    "auto_deregistration_in_progress": State("info", "loader", "Auto deregistration in progress"),
    "manual_registration_in_progress": State("info", "loader", "Registration in progress"),
    "manual_deregistration_in_progress": State("info", "loader", "Deregistration in progress"),
    "auto_registered": State("good", "circle-check", "Auto registered"),
    "deregistered": State("bad", "unlink", "Deregistered"),
    "registered_elsewhere": State("bad", "map-pin-off", "Registered elsewhere"),
    "partially_registered": State("warn", "circle-dot-dashed", "Partially registered"),
    "manually_registered": State("good", "circle-check", "Manually registered"),
    "assigned": State("warn", "hourglass", "Assigned, not registered"),
    "not_assigned": State("quiet", "circle-dashed", "Not assigned"),
    # transport.Mode
    "proxy": State("good", "waypoints", "Proxy"),
    "direct": State("quiet", "arrow-right", "Direct"),
    "on_prem": State("info", "server", "On-Prem"),
    # rows and people
    "present": State("good", "circle-check", "Present"),
    "gone": State("quiet", "ghost", "Gone"),
    "paused": State("quiet", "pause", "Paused"),
    "active": State("good", "circle-check", "Active"),
    "inactive": State("quiet", "circle-slash", "Deactivated"),
    "expired": State("quiet", "clock-alert", "Expired"),
    "revoked": State("quiet", "ban", "Revoked"),
    "ended": State("quiet", "circle-minus", "Ended"),
    "current": State("good", "link", "Current"),
    # mixed_mode.Gate
    "gate_open": State("good", "lock-open", "Open"),
    "gate_closed": State("warn", "lock", "Closed"),
    "allowed": State("info", "shield-check", "Export-controlled allowed"),
    "used_up": State("quiet", "clock-alert", "Used up"),
    # explanation.Verdict
    "agrees": State("good", "circle-check", "Agrees"),
    "explained": State("info", "info", "Differs, explained"),
    "unexplained": State("warn", "circle-question-mark", "Differs"),
    # history.Change.Kind
    "created": State("info", "circle-plus", "New"),
    "changed": State("info", "pencil", "Changed"),
    "back": State("good", "undo-2", "Back"),
    # AssignmentJob, AssignmentStage and AssignmentBatch; some of them stand above
    "waiting": State("quiet", "hourglass", "Waiting"),
    "by_hand": State("warn", "hand", "By hand"),
    "verifying": State("info", "refresh-cw", "Waits for a sync"),
    "done": State("good", "circle-check", "Done"),
    "skipped": State("quiet", "circle-minus", "Not needed"),
    "draft": State("quiet", "pencil", "Draft"),
    "planned": State("info", "calendar-clock", "Planned"),
    "stopped": State("bad", "octagon-alert", "Stopped"),
    "over": State("warn", "clock-alert", "Window over"),
    "approval": State("warn", "user-check", "Needs approval"),
    # lines of licenses, by Cisco's word
    "canceled": State("warn", "circle-slash", "Canceled"),
    "cancelled": State("warn", "circle-slash", "Canceled"),
    "future": State("info", "calendar", "Future"),
    "pending": State("info", "hourglass", "Pending"),
    # TransferPlan.State and TransferStep.State, where they are not above
    "approved": State("info", "check", "Approved"),
    "sending": State("info", "loader", "Sending"),
    "verified": State("good", "circle-check", "Verified"),
    "unclear": State("warn", "circle-question-mark", "Unclear"),
    # worklist.Reason
    "stranded": State("warn", "anchor", "Stranded"),
    "not_deposited": State("warn", "package", "Not operational"),
    "wrong_deposit": State("warn", "map-pin-off", "Wrong deposit"),
    "ghost": State("warn", "ghost", "Silent"),
    "misplaced": State("warn", "map-pin-off", "Elsewhere than planned"),
    "ambiguous": State("info", "circle-question-mark", "Several clusters fit"),
    "unmatched": State("info", "unlink", "No cluster fits"),
}


def state_of(value: str, label: str = "") -> State:
    """The state of one of our values or of Cisco's ("In Compliance"); words that nobody knows are shown as they are."""
    known = STATES.get(value.strip().lower().replace(" ", "_"))
    if known is None:
        return State("quiet", "circle-dashed", label or value)
    return State(known.tone, known.icon, label or known.label)
