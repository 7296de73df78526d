"""Answer health checks and metrics on any host name, before the partner is looked up."""

import hmac
from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.db.utils import Error as DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from kombu.exceptions import OperationalError
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from redis.exceptions import RedisError

from portal.celery import app
from tenants.models import Domain, Partner, ScheduledJob
from tenants.tasks import BEAT_SEEN
from tenants.watchdog import WATCHED, late_jobs

BEAT_LATE = timedelta(seconds=max(60, 6 * settings.DISPATCH_EVERY))
BROKER_ERRORS = (OperationalError, RedisError, OSError)


class HealthMiddleware:
    """Answer `/healthz` (this process), `/readyz` (parts and watchdog) and `/metrics` (Prometheus)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.views = {"/healthz": healthz, "/readyz": readyz, "/metrics": metrics}

    def __call__(self, request: HttpRequest) -> HttpResponse:
        view = self.views.get(request.path)
        return view(request) if view else self.get_response(request)


def healthz(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"status": "alive"})


def readyz(request: HttpRequest) -> HttpResponse:
    connection.set_schema_to_public()  # cache keys carry the schema, and this thread may come from a partner
    checks = {"database": _database(), "broker": _broker(), "workers": _workers(), "beat": _beat()}
    checks["watchdog"], all_late = _watchdog()
    ready = not all_late and all(answer == "ok" for name, answer in checks.items() if name != "watchdog")
    return JsonResponse({"status": "ready" if ready else "not ready", **checks}, status=200 if ready else 503)


def metrics(request: HttpRequest) -> HttpResponse:
    """Return figures of the installation, without data of partners.

    They are open on the provider's host, and need METRICS_TOKEN elsewhere.
    """
    if not _may_read_metrics(request):
        return HttpResponse("Send METRICS_TOKEN as a bearer token, or use the provider's host.\n", status=403)
    registry = CollectorRegistry()
    gauge = Gauge("portal_partners", "Partners by state", ["state"], registry=registry)
    partners = Partner.objects.partners()
    gauge.labels("active").set(Partner.objects.active().count())
    gauge.labels("suspended").set(partners.exclude(suspended_at=None).count())
    gauge.labels("not_ready").set(partners.filter(ready=False).count())
    late = Gauge("portal_oldest_overdue_job_seconds", "How long the oldest due job has been waiting", registry=registry)
    now = timezone.now()
    oldest = ScheduledJob.objects.due(now).order_by("next_run_at").values_list("next_run_at", flat=True).first()
    late.set((now - oldest).total_seconds() if oldest else 0)
    _watchdog_metrics(registry, now)
    up = Gauge("portal_up", "1 where the part answers", ["part"], registry=registry)
    for part, check in (("broker", _broker), ("workers", _workers), ("beat", _beat)):
        up.labels(part).set(check() == "ok")
    return HttpResponse(generate_latest(registry), content_type="text/plain; version=0.0.4")


def _may_read_metrics(request: HttpRequest) -> bool:
    sent = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if settings.METRICS_TOKEN:
        return hmac.compare_digest(sent.encode(), settings.METRICS_TOKEN.encode()) or _on_provider_host(request)
    return _on_provider_host(request)


def _on_provider_host(request: HttpRequest) -> bool:
    connection.set_schema_to_public()
    host = request.get_host().rsplit(":", 1)[0].lower()
    found: bool = Domain.objects.filter(domain=host, tenant__kind=Partner.Kind.PROVIDER).exists()
    return found


def _watchdog() -> tuple[str, bool]:
    """Return the late jobs in words, and whether all partners wait. One partner's trouble must not stop a web host."""
    try:
        late = late_jobs()
        partners = Partner.objects.active().count()
    except DatabaseError:
        return "unknown: the database does not answer", False
    if not late:
        return "ok", False
    behind = len({row.schema for row in late})
    jobs = ", ".join(sorted({row.job for row in late}))
    return f"late for {behind} of {partners} partners: {jobs}", behind >= partners


def _watchdog_metrics(registry: CollectorRegistry, now: datetime) -> None:
    late = late_jobs(now)
    number = Gauge("portal_late_partners", "Partners for whom a job is late", ["job"], registry=registry)
    silence = Gauge("portal_longest_silence_seconds", "Since a late job ended well", ["job"], registry=registry)
    for job in WATCHED:
        rows = [row for row in late if row.job == job]
        number.labels(job).set(len(rows))
        silence.labels(job).set(max(((now - row.since).total_seconds() for row in rows), default=0))


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "does not answer"
    return "ok"


def _broker() -> str:
    try:
        with app.connection_for_write(connect_timeout=2) as broker:
            broker.ensure_connection(max_retries=1, timeout=2)
    except BROKER_ERRORS:
        return "does not answer"
    return "ok"


def _workers() -> str:
    try:
        answers = app.control.inspect(timeout=2, limit=1).ping()
    except BROKER_ERRORS:
        return "unknown: the broker does not answer"
    return "ok" if answers else "no worker answers"


def _beat() -> str:
    """Tell whether a dispatch of beat ran lately. Without a worker this looks the same as a dead beat."""
    try:
        seen: datetime | None = cache.get(BEAT_SEEN)
    except RedisError:
        return "unknown: the cache does not answer"
    if seen is None:
        return "has not been seen yet"
    late = timezone.now() - seen
    return "ok" if late <= BEAT_LATE else f"was last seen {int(late.total_seconds())} seconds ago"
