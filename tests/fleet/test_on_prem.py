"""On-Prem servers: what is warned of, with the facts of the row, the mirror and the fleet; on page, list and REST."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_tenants.utils import tenant_context

from licensing.accounts.models import LicenseServer
from licensing.fleet import on_prem, paths
from licensing.fleet.models import Cluster
from tenants.models import Partner
from tests import factories as make

HEALTHY = {
    "kind": "on_prem",
    "name": "Harbour",
    "api_base_url": "https://ssm.example:8443/api/v1",
    "version": "8-202404",
    "registration_url": "https://ssm.example/SmartTransport",
    "on_prem_name": "ssm.example",
    "host_common_name": "SSM.example.",
}


def kinds(**values: Any) -> list[str]:
    server = make.make_server(**{**HEALTHY, **values})
    found = on_prem.with_counts(LicenseServer.objects.all()).get(pk=server.pk)
    return [warning.kind.value for warning in on_prem.warnings_of(found)]


@pytest.mark.parametrize(
    ("values", "warned"),
    [
        ({}, []),
        ({"version": ""}, ["version_unknown"]),
        ({"version": "7.1", "hcmf_version": "12.5SU2"}, ["version_too_old"]),
        ({"version": "6.3"}, ["version_too_old", "url_does_not_fit_version"]),
        ({"version": "7.2", "hcmf_version": "12.5SU1"}, ["url_does_not_fit_version"]),
        (
            {"registration_url": "https://ssm.example/Transportgateway/services/DeviceRequestHandler"},
            ["url_does_not_fit_version"],
        ),
        ({"on_prem_name": "other.example"}, ["on_prem_name_differs"]),
        ({"host_common_name": "other.example"}, ["common_name_differs"]),
        ({"registration_url": "", "on_prem_name": "other.example"}, ["on_prem_name_differs"]),
        (
            {"registration_url": "https://10.0.0.5/SmartTransport", "on_prem_name": "", "host_common_name": ""},
            ["fqdn_needed"],
        ),
        ({"offline": True}, ["offline"]),
        ({"last_cloud_sync_at": 30}, []),
        ({"last_cloud_sync_at": 31}, ["sync_overdue"]),
        ({"last_cloud_sync_at": 91}, ["sync_expired"]),
        ({"kind": "cloud", "version": "", "registration_url": "", "offline": True}, []),
    ],
)
def test_what_is_warned_of(acme: Partner, values: dict[str, Any], warned: list[str]) -> None:
    if "last_cloud_sync_at" in values:
        ago = timedelta(days=values["last_cloud_sync_at"]) - timedelta(minutes=1)
        values = {"last_cloud_sync_at": timezone.now() - ago}

    assert kinds(**values) == warned


@pytest.mark.parametrize(("present", "warned"), [(4, []), (5, ["nearly_full"])])
def test_product_instances_are_counted_in_the_mirror(
    acme: Partner, globex: Partner, present: int, warned: list[str]
) -> None:
    with tenant_context(globex):
        make.make_instance()
    server = make.make_server(**{**HEALTHY, "instance_limit": 5})
    for number in range(2):
        pool = make.make_virtual_account(smart_account=make.make_smart_account(license_server=server))
        make.make_instance(virtual_account=pool, gone_at=timezone.now())
        for _ in range(present // 2 + present % 2 * number):
            make.make_instance(virtual_account=pool)
    make.make_instance()

    found = on_prem.with_counts(LicenseServer.objects.filter(kind="on_prem")).get()

    assert found.present_instances == present
    assert [warning.kind.value for warning in on_prem.warnings_of(found)] == warned


def test_expressways_need_the_host_name_also_of_version_6(acme: Partner) -> None:
    by_address = {"version": "6.3", "registration_url": "", "api_base_url": "https://10.0.0.5:8443/api/v1"}
    server = make.make_server(**{**HEALTHY, **by_address})
    make.make_cluster(application="expressway_e", license_server=server)

    found = on_prem.with_counts(LicenseServer.objects.all()).get()

    assert "fqdn_needed" in [warning.kind.value for warning in on_prem.warnings_of(found)]


GATEWAY = "Transportgateway/services/DeviceRequestHandler"


@pytest.mark.parametrize(
    ("version", "address", "name", "hcmf", "application", "url"),
    [
        ("6.3", "10.0.0.5", "ssm.example", "", "cucm", f"https://10.0.0.5/{GATEWAY}"),
        ("6.3", "10.0.0.5", "ssm.example", "", "expressway_c", f"https://ssm.example/{GATEWAY}"),
        ("6.3", "10.0.0.5", "", "", "expressway_c", None),
        ("7.2", "10.0.0.5", "SSM.example", "", "cucm", "https://ssm.example/SmartTransport"),
        ("7.2", "ssm.example", "", "12.5SU1", "cucm", f"https://ssm.example/{GATEWAY}"),
        ("7.2", "ssm.example", "", "12.5SU2", "cucm", "https://ssm.example/SmartTransport"),
        ("8-202404", "10.0.0.5", "ssm.example", "12.5SU1", "cuc", "https://ssm.example/SmartTransport"),
        ("8-202404", "10.0.0.5", "", "", "cuc", "https://10.0.0.5/SmartTransport"),
    ],
)
def test_registration_url_of_a_cluster(
    acme: Partner, version: str, address: str, name: str, hcmf: str, application: str, url: str | None
) -> None:
    server = make.make_server(
        kind="on_prem",
        api_base_url=f"https://{address}:8443/api/v1",
        version=version,
        on_prem_name=name,
        hcmf_version=hcmf,
    )
    make.make_cluster(application=application, license_server=server)

    assert paths.transport_of(Cluster.objects.get()).registration_url == url


def test_page_list_and_rest_say_the_warnings(acme: Partner, client_of: Any, api_of: Any) -> None:
    server = make.make_server(**{**HEALTHY, "version": "6.3"})
    client = client_of(acme, "viewer")

    shown = client.get(f"/license-servers/{server.pk}/").content.decode()
    listed = client.get("/license-servers/").content.decode()
    told = api_of(acme).get(f"/api/v1/license-servers/{server.pk}/").json()

    assert "Harbour has version 6.3. Some functions need 7.2 or later." in shown
    assert "Registration URL of its version" in shown
    assert "2 warnings" in listed
    assert [row["kind"] for row in told["warnings"]] == ["version_too_old", "url_does_not_fit_version"]
    assert told["product_instances"] == 0


@pytest.mark.parametrize("rows", [1, 3])
def test_list_of_servers_takes_the_same_queries_for_any_number(
    acme: Partner, client_of: Any, django_assert_num_queries: Any, rows: int
) -> None:
    for number in range(rows):
        server = make.make_server(**{**HEALTHY, "name": f"Server no {number}"})
        make.make_smart_account(license_server=server)
        make.make_cluster(license_server=server)
    client = client_of(acme, "viewer")

    with django_assert_num_queries(7):
        client.get("/license-servers/")
