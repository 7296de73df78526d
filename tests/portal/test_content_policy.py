"""Every answer says what browsers may load and run with it."""

from typing import Any

import pytest
from django.test import Client

from portal.content_policy import HEADER, STRICT, SWAGGER, UNFOLD
from tenants.models import Partner
from tenants.provisioning import suspend


@pytest.mark.parametrize(
    ("path", "policy"),
    [
        ("/", STRICT),
        ("/nowhere/", STRICT),
        ("/accounts/login/", STRICT),
        ("/api/v1/licenses/", STRICT),
        ("/api/schema/", STRICT),
        ("/api/docs/", SWAGGER),
        ("/admin/", UNFOLD),
        ("/administration/", STRICT),
    ],
)
def test_policy_follows_from_the_address(acme: Partner, client_of: Any, path: str, policy: str) -> None:
    answers = [client_of(acme, role).get(path) for role in ("owner", "viewer", None)]

    assert [answer[HEADER] for answer in answers] == [policy] * 3


def test_strangers_and_suspended_partners_get_it_too(acme: Partner, globex: Partner, client_of: Any) -> None:
    suspend(globex, "unpaid")

    answers = [client_of(globex, "owner").get("/"), Client().get("/", headers={"host": "nobody.localhost"})]

    assert [(answer.status_code, answer[HEADER]) for answer in answers] == [(403, STRICT), (404, STRICT)]


def test_only_the_admin_evaluates_and_nothing_is_framed() -> None:
    assert [policy for policy in (STRICT, SWAGGER, UNFOLD) if "unsafe-eval" in policy] == [UNFOLD]
    assert [policy for policy in (STRICT, SWAGGER, UNFOLD) if "frame-ancestors 'none'" not in policy] == []
    assert "unsafe" not in STRICT
