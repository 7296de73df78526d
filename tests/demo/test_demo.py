"""The demo's fleet, as its first sync and `settle` leave it."""

import pytest
from django_tenants.utils import tenant_context

from licensing.accounts import clients
from licensing.accounts.models import LicenseServer
from licensing.alerts.models import Alert
from licensing.assignments.clusters import status
from licensing.assignments.models import Assignment
from licensing.cisco.emulator.axl import PASSWORD, USERNAME
from licensing.cisco.emulator.demo import demo_state
from licensing.cisco.emulator.server import EmulatorThread
from licensing.demo import partner as demo
from licensing.demo.management.commands.make_demo import PARTNERS, Command
from licensing.fleet import on_prem, paths
from licensing.fleet.models import Cluster, ClusterAccess, Customer
from licensing.mirror.models import VirtualAccount
from people.models import Role, User
from tenants.models import Partner
from tests import factories as make


def test_demo_reaches_its_unified_cms_at_the_emulator_wherever_it_stands(
    acme: Partner, emulator: EmulatorThread
) -> None:
    server = make.make_server(name=demo.SERVER, api_base_url=emulator.origin + demo.API_PATH)
    pool = make.make_virtual_account(smart_account=make.make_smart_account(license_server=server))
    for product in ("cucm", "cuc"):
        make.make_instance(virtual_account=pool, host_name=f"{product}-pub.harbor.example")

    demo.settle(pool.smart_account)
    first = list(ClusterAccess.objects.values_list("cluster__application", "url", "username"))
    demo.move("http://127.0.0.1:9")

    assert first == [("cucm", f"{emulator.origin}/publishers/cucm-pub.harbor.example", USERNAME)]
    assert ClusterAccess.objects.get().url == "http://127.0.0.1:9/publishers/cucm-pub.harbor.example"
    assert ClusterAccess.objects.get().password.reveal() == PASSWORD


def test_demo_has_every_way_of_transport_and_no_state_that_the_portal_refuses(
    acme: Partner, emulator: EmulatorThread
) -> None:
    server = make.make_server(name=demo.SERVER, api_base_url=emulator.origin + demo.API_PATH)
    account = make.make_smart_account(license_server=server, domain="acme.example")
    pools = [make.make_virtual_account(smart_account=account, name=name) for name in ("Region North", "Lab", "Empty")]
    for pool, customer in zip(pools, ("harbor", "meadow"), strict=False):
        make.make_instance(virtual_account=pool, host_name=f"cucm-pub.{customer}.example")

    demo.settle(account)
    demo.move("http://127.0.0.1:9")

    clusters = paths.with_transport(Cluster.objects.order_by("name"))
    assert {cluster.name: paths.transport_of(cluster).rule for cluster in clusters} == {
        "Harbor Expressway-C": "customer_proxy",
        "Harbor Expressway-E": "customer_proxy_not_for_expressway_e",
        "Harbor Unified CM": "customer_proxy",
        "Meadow Unified CM": "no_proxy",
    }
    assert [list(tags) for tags in Customer.objects.values_list("tags", flat=True)] == [["north", "gold"], ["south"]]
    assert dict(VirtualAccount.objects.values_list("name", "license_mode")) == {
        "Region North": "hcs",
        "Lab": "hcs",
        "Empty": "",
    }
    on_prem_server = on_prem.with_counts(LicenseServer.objects.filter(kind="on_prem")).get()
    assert on_prem_server.api_base_url == "http://127.0.0.1:9/api/v1"
    assert [warning.kind for warning in on_prem.warnings_of(on_prem_server)] == ["url_does_not_fit_version"]
    assert not Assignment.objects.current().filter(virtual_account__license_mode="").exists()


@pytest.mark.parametrize(("schema", "name"), PARTNERS)
def test_demo_shows_an_on_prem_server_alive(
    acme: Partner, globex: Partner, emulator: EmulatorThread, schema: str, name: str
) -> None:
    emulator.state.accounts |= demo_state().accounts
    partner = {"acme": acme, "globex": globex}[schema]

    with tenant_context(partner):
        User.objects.exclude(role=Role.OWNER).delete()  # the demo makes its own
        Command().furnish(schema, name, emulator.origin)

        server = on_prem.with_counts(LicenseServer.objects.filter(kind="on_prem")).get()
        clusters = list(status.with_status(Cluster.objects.filter(license_server=server)))
        reaching = paths.with_transport(Cluster.objects.filter(license_server=server))
        transports = {paths.transport_of(cluster).rule for cluster in reaching}
        held = VirtualAccount.objects.filter(assignments__cluster__in=clusters).distinct()
        pool = held.select_related("smart_account").get()
        kinds = [warning.kind for warning in on_prem.warnings_of(server)]
        opened = set(Alert.objects.filter(kind__startswith="on_prem").values_list("kind", flat=True))
        with clients.client_for(LicenseServer.objects.get(kind="cloud")) as client:
            in_the_cloud = [account.domain for account in client.smart_accounts()]
    assert (pool.name, str(pool.smart_account), pool.license_mode) == ("Own network", f"{name} On-Prem", "hcs")
    assert (len(clusters), {cluster.status for cluster in clusters}) == (9, {"manually_registered"})
    assert transports == {"on_prem_server"}
    assert kinds == ["url_does_not_fit_version", "nearly_full"]
    assert opened == {"on_prem_url", "on_prem_capacity"}
    assert in_the_cloud == ["acme.example", "globex.example"]
    with tenant_context(globex if partner == acme else acme):
        assert LicenseServer.objects.count() == 0
