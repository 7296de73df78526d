"""Pages of access, mixed mode, auto registration and actions on product instances, in every look."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page

from licensing.fleet.models import ClusterAccess
from tests import factories as make
from tests.browser.looks import LOOKS, check

NUMBER = 4711
PAGES = (
    f"/clusters/{NUMBER}/",
    f"/clusters/{NUMBER}/access/",
    f"/clusters/{NUMBER}/access/edit/",
    f"/clusters/{NUMBER + 1}/access/",
    f"/clusters/{NUMBER}/mixed-mode/",
    f"/product-instances/{NUMBER}/",
    f"/product-instances/{NUMBER}/remove/",
    f"/product-instances/{NUMBER}/transfer/",
    "/auto-registration/",
    f"/auto-registration/{NUMBER}/",
    f"/auto-registration/{NUMBER + 1}/",
)


@pytest.fixture
def furnished(site: str, in_partner: Any) -> None:
    with in_partner("acme"):
        account = make.make_smart_account(id=NUMBER, name="Acme Account")
        make.make_smart_account(id=NUMBER + 1, name="Without a pool")
        pool = make.make_virtual_account(
            id=NUMBER, smart_account=account, name="va-hcs-operational", purpose="operational", license_mode="hcs"
        )
        make.make_virtual_account(smart_account=account, name="Region North")
        nodes = {"cucm-pub.harbor-and-its-long-name.example": "publisher", "cucm-sub1.harbor.example": "subscriber"}
        cluster = make.make_cluster(nodes, id=NUMBER, name="Harbor CM", mixed_mode=True)
        ClusterAccess.objects.create(
            cluster=cluster,
            method="axl",
            url="https://cucm-pub.harbor.example:8443",
            username="axl-user",
            password="x",
            verify_tls=False,
            check_status="ok",
            checked_at=timezone.now(),
            check_message="Connected. It is registered in va-hcs-operational, Authorized.",
            check_found={
                "registered": True,
                "smart_account": "Acme Account",
                "virtual_account": "va-hcs-operational",
                "authorization": "Authorized",
                "export_control": False,
            },
        )
        expressway = {f"exp{number}.harbor.example": "subscriber" for number in range(3)}
        make.make_cluster(expressway, id=NUMBER + 1, name="Harbor Edge", application="expressway_e", version="X14.0")
        make.make_cluster({"pub.example": "publisher"}, name="Will restart", deployment="enterprise")
        make.make_token(virtual_account=pool, description="An old token of somebody")
        make.make_token(virtual_account=pool, description="By hand", export_controlled=True)
        make.make_instance(id=NUMBER, virtual_account=pool, cluster=cluster, status="Registered - Reserved")
        make.make_assignment(cluster=cluster, virtual_account=pool)


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_pages_are_accessible_and_whole(
    furnished: None, site: str, sign_in: Callable[..., Page], page: Page, scheme: str, width: int
) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": width, "height": 900})
    sign_in("acme", "owner")

    for path in PAGES:
        page.goto(f"http://acme.localhost:{site}{path}")
        check(page, path)
