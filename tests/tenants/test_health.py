"""Health answers on every host name and tells the truth about each part."""

from datetime import timedelta
from typing import Any

from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.utils import timezone

from tenants.models import Partner
from tenants.tasks import BEAT_SEEN


def test_alive_on_any_host_without_database() -> None:
    response = Client().get("/healthz", headers={"host": "10.0.0.7"})

    assert (response.status_code, response.json()) == (200, {"status": "alive"})


def test_not_ready_names_the_parts_that_do_not_answer(db: None) -> None:
    response = Client().get("/readyz", headers={"host": "anything.example"})

    assert response.status_code == 503
    assert response.json() == {
        "status": "not ready",
        "database": "ok",
        "broker": "ok",
        "workers": "no worker answers",
        "beat": "has not been seen yet",
        "watchdog": "ok",
    }


def test_ready_with_a_worker_and_a_beat_that_ticked(worker: Any) -> None:
    cache.set(BEAT_SEEN, timezone.now())
    connection.set_tenant(Partner.objects.get(schema_name="acme"))  # as after a request to a partner

    response = Client().get("/readyz")

    assert (response.status_code, response.json()["status"]) == (200, "ready")


def test_beat_that_stopped_an_hour_ago_is_said(worker: Any) -> None:
    cache.set(BEAT_SEEN, timezone.now() - timedelta(hours=1))

    response = Client().get("/readyz")

    assert response.status_code == 503
    assert response.json()["beat"].startswith("was last seen 36")


def test_metrics_belong_to_the_provider(provider: Partner, acme: Partner, settings: Any) -> None:
    client = Client()
    settings.METRICS_TOKEN = ""
    assert client.get("/metrics", headers={"host": "acme.localhost"}).status_code == 403
    assert b'portal_partners{state="active"} 2.0' in client.get("/metrics", headers={"host": "localhost"}).content

    settings.METRICS_TOKEN = "metrics-secret"
    with_token = {"host": "acme.localhost", "authorization": "Bearer metrics-secret"}
    assert client.get("/metrics", headers=with_token).status_code == 200
    assert client.get("/metrics", headers={**with_token, "authorization": "Bearer wrong"}).status_code == 403
