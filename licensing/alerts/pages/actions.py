"""Choose the one button that an alert's page offers."""

from dataclasses import dataclass

from django.urls import reverse

from licensing.alerts.models import Alert, Kind
from licensing.alerts.subjects import PAGES
from licensing.assignments.models import AssignmentJob
from people.gate import Need, may
from people.models import User


@dataclass(frozen=True, slots=True)
class Step:
    """`post`: it acts at once and is sent as a form; otherwise it opens a page."""

    label: str
    icon: str
    href: str
    post: bool = False


# kind: (label, icon, route, need, whether it is posted). The route takes the subject's id, but for those of OTHERS.
STEPS: dict[str, tuple[str, str, str, Need, bool]] = {
    Kind.OUT_OF_COMPLIANCE: ("See remedies", "wrench", "license-remedies", Need.READ, False),
    Kind.OVERAGE: ("See remedies", "wrench", "license-remedies", Need.READ, False),
    Kind.SYNC_FAILED: ("Sync now", "refresh-cw", "smart-account-sync", Need.OPERATE, True),
    Kind.SYNC_TOO_OLD: ("Sync now", "refresh-cw", "smart-account-sync", Need.OPERATE, True),
    Kind.CSSM_ALERT: ("Sync now", "refresh-cw", "smart-account-sync", Need.OPERATE, True),
    Kind.CREDENTIALS_REFUSED: ("Replace credentials", "key-round", "{subject}-secret", Need.OWN, False),
    Kind.CREDENTIALS_EXPIRING: ("Replace credentials", "key-round", "{subject}-secret", Need.OWN, False),
    Kind.TLS_VERIFICATION_OFF: ("Edit the server", "pencil", "license-server-edit", Need.OWN, False),
    Kind.CERTIFICATE_EXPIRING: ("Test the connection", "plug", "license-server-check", Need.OWN, True),
    Kind.ON_PREM_SYNC: ("Edit the server", "pencil", "license-server-edit", Need.OWN, False),
    Kind.ON_PREM_URL: ("Edit the server", "pencil", "license-server-edit", Need.OWN, False),
    Kind.WRONG_POOL: ("Open its cluster", "boxes", "cluster", Need.READ, False),
    Kind.ASSIGNMENT_FAILED: ("Open the job", "list-checks", "assignment-job", Need.READ, False),
    Kind.EVALUATION_ENDING: ("Assign the cluster", "link", "cluster-assign", Need.OPERATE, False),
    Kind.TOKEN_USED_UP: ("Create token", "ticket", "registration-token-add", Need.OPERATE, False),
    Kind.TOKEN_EXPIRING: ("Create token", "ticket", "registration-token-add", Need.OPERATE, False),
}


def next_step(alert: Alert, user: User) -> Step | None:
    """Return the button, or None for closed alerts, for pages that say it all, and for people who lack the role."""
    known = STEPS.get(alert.kind)
    if alert.closed_at or known is None or not may(user, known[3]):
        return None
    label, icon, route, _, post = known
    arguments = _arguments(alert, route)
    if arguments is None:
        return None
    return Step(label, icon, reverse(route.format(subject=PAGES.get(alert.subject_type, "")), args=arguments), post)


def _arguments(alert: Alert, route: str) -> list[int] | None:
    if route == "registration-token-add":
        return []
    if route.startswith("{subject}") and alert.subject_type not in ("smart_account", "license_server"):
        return None
    number = alert.subject_id
    if route == "smart-account-sync":
        number = alert.smart_account_id or 0
    if route == "cluster":
        number = alert.cluster_id or 0
    if route == "assignment-job":  # the one that is open: it is what failed or is stuck
        jobs = AssignmentJob.objects.open().filter(cluster=alert.subject_id)
        number = jobs.values_list("pk", flat=True).first() or 0
    return [number] if number else None
