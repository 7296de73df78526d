"""Save and test how a cluster is reached. Pages, REST and admin call these functions."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction
from django.utils import timezone

from kit.broker import send
from kit.refusals import Refusal, check_row
from licensing.accounts.entered import check_address, check_ca
from licensing.cisco.addresses import CLUSTER
from licensing.fleet.access import reach
from licensing.fleet.access.answers import Reach, ReachError, ReachRefused, ReachUnavailable, Status
from licensing.fleet.models import Cluster, ClusterAccess
from people import audit
from people.audit import Actor

CHECK_ACCESS = "licensing.fleet.tasks.check_cluster_access"
CHECK_COLUMNS = ["checked_at", "check_status", "check_message", "check_next_step", "check_found"]
AXL = ClusterAccess.Method.AXL


@dataclass(frozen=True, slots=True)
class AccessSpec:
    """The wanted access to a cluster. `password` None keeps the stored one."""

    method: str
    url: str = ""
    username: str = ""
    password: str | None = None
    ca_certificate: str = ""
    verify_tls: bool = True


@transaction.atomic
def save(actor: Actor, cluster: Cluster, spec: AccessSpec) -> ClusterAccess:
    """Save the access to a cluster. Any change makes the last test void.

    The manual way needs nothing, so its address and credentials are deleted.
    """
    Cluster.objects.select_for_update(no_key=True).filter(pk=cluster.pk).first()  # of two at once, one waits
    access = ClusterAccess.objects.filter(cluster=cluster).first()
    before = audit.snapshot(access) if access else None
    access = access or ClusterAccess(cluster=cluster)
    if spec.method == AXL:
        _check_axl(cluster, access, spec)
    _fill(access, spec)
    check_row(access)
    if before is None or before != audit.snapshot(access):
        _set_check(access, None, "", "", "", {})
        access.save()
        audit.record(actor, "changed" if before else "added", access, before=before)
    return access


def start_check(access: ClusterAccess) -> None:
    """Queue a test of the access. Raises BrokerUnavailable."""
    before = access.check_status
    _set_check_status(access, ClusterAccess.Check.RUNNING)
    send(CHECK_ACCESS, access.pk, undo=lambda: _set_check_status(access, before))


def _set_check_status(access: ClusterAccess, status: str) -> None:
    access.check_status = status
    access.save(update_fields=["check_status"])


def check(access: ClusterAccess) -> None:
    """Test the access, and store the answer in plain words. Waits for the network."""
    way = reach.way_to(access.cluster)
    try:
        found = way.probe()
    except ReachError as error:
        _save_check(access, _check_result(error), error.message, error.next_step, Status())
    else:
        _save_check(access, ClusterAccess.Check.OK, *_describe_status(way, found), found)


def _check_axl(cluster: Cluster, access: ClusterAccess, spec: AccessSpec) -> None:
    if not cluster.has_axl:
        raise Refusal(
            f"Only Unified CM has AXL; {cluster} is {cluster.get_application_display()}.",
            "Choose “By hand, with a run sheet”.",
            "method",
        )
    if cluster.managed_on_premise:
        words = f"{cluster} is managed on premise, so the portal cannot reach it."
        raise Refusal(words, "Choose “By hand, with a run sheet”.", "method")
    if not spec.username:
        raise Refusal("AXL needs a user name.", "Enter an application user with AXL access.", "username")
    check_address(spec.url, CLUSTER, "url")
    if spec.ca_certificate != access.ca_certificate:
        check_ca(spec.ca_certificate, CLUSTER)
    kept = bool(access.password) and spec.password is None
    if kept and access.url and _host(access.url) != _host(spec.url):
        raise Refusal("The stored password belongs to another address.", "Enter the password again.", "password")
    if not kept and not spec.password:
        raise Refusal("AXL needs a password.", "Enter the password of this user.", "password")


def _fill(access: ClusterAccess, spec: AccessSpec) -> None:
    access.method = spec.method
    by_axl = spec.method == AXL
    access.url, access.username = (spec.url, spec.username) if by_axl else ("", "")
    access.ca_certificate = spec.ca_certificate if by_axl else ""
    access.verify_tls = spec.verify_tls if by_axl else True
    if not by_axl:
        access.password = ""
    elif spec.password:
        access.password = spec.password


def _host(url: str) -> str:
    return urlsplit(url).netloc.lower()


def _check_result(error: ReachError) -> str:
    assert isinstance(error, ReachRefused | ReachUnavailable)
    return ClusterAccess.Check.REFUSED if isinstance(error, ReachRefused) else ClusterAccess.Check.UNAVAILABLE


def _describe_status(way: Reach, found: Status) -> tuple[str, str]:
    """Return (message, next step) for a test that succeeded."""
    if reach.asks_people(way):
        return "This cluster is reached by hand, so there is no connection to test.", ""
    state = {
        True: f"It is registered in {found.virtual_account or 'an unnamed virtual account'}",
        False: "It is not registered",
        None: "It does not say whether it is registered",
    }[found.registered]
    words = f"Connected. {state}{f', {found.authorization}' if found.authorization else ''}."
    if found.reason:
        words += f" Its last registration failed: {found.reason}"
    return words, ""


def _save_check(access: ClusterAccess, status: str, message: str, next_step: str, found: Status) -> None:
    _set_check(access, timezone.now(), status, message, next_step, found.known())
    access.save(update_fields=CHECK_COLUMNS)


def _set_check(access: ClusterAccess, *values: Any) -> None:
    """Set the columns of the test, in the order of CHECK_COLUMNS."""
    for name, value in zip(CHECK_COLUMNS, values, strict=True):
        setattr(access, name, value)
