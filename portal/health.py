"""Health and metrics, answered on any host name before the partner is looked up."""

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

BEAT_LATE = timedelta(seconds=max(60, 6 * settings.DISPATCH_EVERY))
BROKER_ERRORS = (OperationalError, RedisError, OSError)


class HealthMiddleware:
    """`/healthz`: this process is alive. `/readyz`: database, broker, workers and beat. `/metrics`: Prometheus."""

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
    ready = all(answer == "ok" for answer in checks.values())
    return JsonResponse({"status": "ready" if ready else "not ready", **checks}, status=200 if ready else 503)


def metrics(request: HttpRequest) -> HttpResponse:
    """Figures of the installation, without a partner's data. On the provider host, elsewhere with METRICS_TOKEN."""
    if not _may_read_metrics(request):
        return HttpResponse("Send METRICS_TOKEN as bearer token, or ask on the provider's host.\n", status=403)
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
    """Whether a dispatch that beat has sent was run lately; without a worker this cannot be told from a dead beat."""
    try:
        seen: datetime | None = cache.get(BEAT_SEEN)
    except RedisError:
        return "unknown: the cache does not answer"
    if seen is None:
        return "has not been seen yet"
    late = timezone.now() - seen
    return "ok" if late <= BEAT_LATE else f"was last seen {int(late.total_seconds())} seconds ago"
