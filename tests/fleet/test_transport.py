"""Which transport a cluster uses and why; which addresses an On-Prem server has (docs/domain.md#transport)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from licensing.fleet.transport import (
    ClusterFacts,
    Mode,
    Proxies,
    ProxyFacts,
    Rule,
    ServerFacts,
    hcmf_numbers,
    if_proxy_moved,
    instance_limit,
    registration_url,
    resolve,
    server_warnings,
    token_url,
    url_host,
    version_numbers,
)

OWN, CUSTOMERS = ProxyFacts("proxy.cluster.example", 8080), ProxyFacts("proxy.customer.example", 3128)
NEITHER, CLUSTER = Proxies(), Proxies(cluster=OWN)
CUSTOMER, BOTH = Proxies(customer=CUSTOMERS), Proxies(cluster=OWN, customer=CUSTOMERS)
DIRECT, PROXY, ON_PREM = Mode.DIRECT, Mode.PROXY, Mode.ON_PREM
NOW = datetime(2026, 3, 1, tzinfo=UTC)
HEALTHY = ServerFacts(
    "Harbour",
    version="8-202404",
    fqdn="onprem.example",
    recorded_url="https://onprem.example/SmartTransport",
    on_prem_name="onprem.example",
    common_name="onprem.example",
    product_instances=8_000,
    last_synced_at=NOW - timedelta(days=30),
)
GATEWAY = "/Transportgateway/services/DeviceRequestHandler"


@pytest.mark.parametrize(
    ("application", "proxies", "mode", "rule", "proxy"),
    [
        ("expressway_e", CLUSTER, PROXY, Rule.CLUSTER_PROXY, OWN),
        ("expressway_e", BOTH, PROXY, Rule.CLUSTER_PROXY, OWN),
        ("expressway_e", CUSTOMER, DIRECT, Rule.CUSTOMER_PROXY_NOT_FOR_EXPRESSWAY_E, None),
        ("expressway_e", NEITHER, DIRECT, Rule.NO_PROXY, None),
        ("expressway_c", CLUSTER, PROXY, Rule.CLUSTER_PROXY, OWN),
        ("expressway_c", BOTH, PROXY, Rule.CLUSTER_PROXY, OWN),
        ("expressway_c", CUSTOMER, PROXY, Rule.CUSTOMER_PROXY, CUSTOMERS),
        ("expressway_c", NEITHER, DIRECT, Rule.NO_PROXY, None),
        *(
            (application, *case)
            for application in ("cucm", "cuc", "cer")
            for case in (
                (CLUSTER, PROXY, Rule.CLUSTER_PROXY, OWN),
                (BOTH, PROXY, Rule.CLUSTER_PROXY, OWN),
                (CUSTOMER, PROXY, Rule.CUSTOMER_PROXY, CUSTOMERS),
                (NEITHER, DIRECT, Rule.NO_PROXY, None),
            )
        ),
    ],
)
def test_cloud_transport(application: str, proxies: Proxies, mode: Mode, rule: Rule, proxy: ProxyFacts | None) -> None:
    transport = resolve(ClusterFacts(application), proxies)

    assert (transport.mode, transport.rule, transport.proxy) == (mode, rule, proxy)
    assert transport.registration_url is None


@pytest.mark.parametrize("application", ["cucm", "cuc", "cer", "expressway_c", "expressway_e"])
def test_on_prem_server_wins_over_proxies(application: str) -> None:
    transport = resolve(ClusterFacts(application), BOTH, HEALTHY)

    assert (transport.mode, transport.rule, transport.proxy) == (ON_PREM, Rule.ON_PREM_SERVER, None)
    assert transport.registration_url == "https://onprem.example/SmartTransport"
    assert transport.why == "The cluster registers with the On-Prem server Harbour."


@pytest.mark.parametrize(
    ("proxies", "why"),
    [
        (CLUSTER, "The cluster's own proxy proxy.cluster.example:8080 is set."),
        (
            CUSTOMER,
            "Expressway-E does not use the customer's proxy proxy.customer.example:3128. "
            "Set the proxy on the cluster to use one.",
        ),
        (NEITHER, "No proxy is set on the cluster or on its customer. Cisco recommends a proxy."),
    ],
)
def test_reason_is_said(proxies: Proxies, why: str) -> None:
    assert resolve(ClusterFacts("expressway_e"), proxies).why == why


@pytest.mark.parametrize(
    ("application", "proxies", "now", "moved"),
    [
        ("expressway_e", CLUSTER, PROXY, DIRECT),
        ("expressway_e", CUSTOMER, DIRECT, PROXY),
        ("expressway_e", NEITHER, DIRECT, DIRECT),
        ("expressway_c", CUSTOMER, PROXY, PROXY),
    ],
)
def test_moving_the_proxy_between_cluster_and_customer(
    application: str, proxies: Proxies, now: Mode, moved: Mode
) -> None:
    cluster = ClusterFacts(application)

    assert (resolve(cluster, proxies).mode, if_proxy_moved(cluster, proxies).mode) == (now, moved)


@pytest.mark.parametrize(
    ("version", "hcmf_version", "url"),
    [
        ("6", "", f"https://10.1.2.3{GATEWAY}"),
        ("6.3.0", "12.5SU2", f"https://10.1.2.3{GATEWAY}"),
        ("5", "", f"https://10.1.2.3{GATEWAY}"),
        ("7", "", "https://onprem.example/SmartTransport"),
        ("7.2", "12.5SU2", "https://onprem.example/SmartTransport"),
        ("7-202001", "12.5(1)SU3", "https://onprem.example/SmartTransport"),
        ("7.2", "12.6", "https://onprem.example/SmartTransport"),
        ("7.2", "12.5SU1", f"https://10.1.2.3{GATEWAY}"),
        ("7.2", "12.5", f"https://10.1.2.3{GATEWAY}"),
        ("7.2", "11.5.4", f"https://10.1.2.3{GATEWAY}"),
        ("8", "", "https://onprem.example/SmartTransport"),
        ("8-202404", "12.5SU1", "https://onprem.example/SmartTransport"),
        ("9", "", "https://onprem.example/SmartTransport"),
        ("", "", "https://onprem.example/SmartTransport"),
    ],
)
def test_registration_url_by_versions(version: str, hcmf_version: str, url: str) -> None:
    assert registration_url(version, "OnPrem.example.", "10.1.2.3", hcmf_version) == url


@pytest.mark.parametrize(
    ("version", "fqdn", "ip", "url"),
    [
        ("6", "onprem.example", "", f"https://onprem.example{GATEWAY}"),
        ("6", "", "2001:db8::5", f"https://[2001:db8::5]{GATEWAY}"),
        ("8", "", "10.1.2.3", "https://10.1.2.3/SmartTransport"),
        ("8", "", "", ""),
        ("6", "", "", ""),
    ],
)
def test_registration_url_where_only_one_address_is_known(version: str, fqdn: str, ip: str, url: str) -> None:
    assert registration_url(version, fqdn, ip) == url


def test_expressway_gets_the_host_name_also_from_version_6() -> None:
    server = ServerFacts("Old", version="6.3", fqdn="onprem.example", ip="10.1.2.3")

    assert resolve(ClusterFacts("expressway_c"), NEITHER, server).registration_url == f"https://onprem.example{GATEWAY}"
    assert resolve(ClusterFacts("cucm"), NEITHER, server).registration_url == f"https://10.1.2.3{GATEWAY}"


def test_expressway_gets_no_address_where_it_needs_a_name() -> None:
    transport = resolve(ClusterFacts("expressway_e"), NEITHER, ServerFacts("Old", version="8", ip="10.1.2.3"))

    assert transport.mode == ON_PREM
    assert transport.registration_url is None
    assert transport.why.endswith("enter the server's fully qualified host name.")


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("onprem.example", "https://onprem.example:8443/backend/oauth/token"),
        (" OnPrem.Example.:443 ", "https://onprem.example:8443/backend/oauth/token"),
        ("10.1.2.3", "https://10.1.2.3:8443/backend/oauth/token"),
        ("2001:db8::5", "https://[2001:db8::5]:8443/backend/oauth/token"),
        ("[2001:db8::5]:8443", "https://[2001:db8::5]:8443/backend/oauth/token"),
    ],
)
def test_token_url(host: str, url: str) -> None:
    assert token_url(host) == url


@pytest.mark.parametrize(
    "host", ["", " ", ".", "https://onprem.example", "a b", "user@onprem.example", "[nope]", "a/b"]
)
def test_what_is_no_host_is_refused(host: str) -> None:
    with pytest.raises(ValueError, match="is not a host"):
        url_host(host)


@pytest.mark.parametrize(
    ("version", "numbers"),
    [("7.2.1", (7, 2, 1)), ("8-202404", (8,)), ("Version 8 Release 202404", (8,)), ("", ()), ("unknown", ())],
)
def test_version_numbers(version: str, numbers: tuple[int, ...]) -> None:
    assert version_numbers(version) == numbers


@pytest.mark.parametrize(
    ("version", "numbers"),
    [
        ("12.5SU2", (12, 5, 2)),
        ("12.5(1)SU3", (12, 5, 3)),
        ("12.5.1 su 2", (12, 5, 2)),
        ("11.5.4", (11, 5, 0)),
        ("15", (15, 0, 0)),
        ("", None),
    ],
)
def test_hcmf_numbers(version: str, numbers: tuple[int, int, int] | None) -> None:
    assert hcmf_numbers(version) == numbers


@pytest.mark.parametrize(
    ("api_base_url", "fqdn", "ip"),
    [
        ("https://OnPrem.example:8443/api/v1", "onprem.example", ""),
        ("https://10.1.2.3:8443/api/v1", "", "10.1.2.3"),
        ("https://[2001:db8::5]:8443/api/v1", "", "2001:db8::5"),
        ("https://[", "", ""),
        ("", "", ""),
    ],
)
def test_server_facts_from_the_address_of_the_api(api_base_url: str, fqdn: str, ip: str) -> None:
    server = ServerFacts.at("Harbour", api_base_url, "8", "12.5SU2")

    assert server == ServerFacts("Harbour", version="8", fqdn=fqdn, ip=ip, hcmf_version="12.5SU2")


def test_healthy_server_gives_no_warning() -> None:
    assert server_warnings(HEALTHY, NOW) == ()


def test_server_of_which_nothing_is_known_asks_for_its_version_only() -> None:
    assert kinds(ServerFacts("New")) == ["version_unknown"]


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"version": ""}, "version_unknown"),
        ({"version": "7"}, "version_unknown"),
        ({"version": "7.1", "hcmf_version": "12.5SU2"}, "version_too_old"),
        ({"recorded_url": f"https://onprem.example{GATEWAY}"}, "url_does_not_fit_version"),
        ({"version": "7.2", "hcmf_version": "12.5SU1"}, "url_does_not_fit_version"),
        ({"on_prem_name": "other.example"}, "on_prem_name_differs"),
        ({"common_name": "other.example"}, "common_name_differs"),
        ({"product_instances": 8_001}, "nearly_full"),
        ({"instance_limit": 9_999}, "nearly_full"),
        ({"last_synced_at": NOW - timedelta(days=30, seconds=1)}, "sync_overdue"),
        ({"last_synced_at": NOW - timedelta(days=90)}, "sync_overdue"),
        ({"last_synced_at": NOW - timedelta(days=90, seconds=1)}, "sync_expired"),
        ({"offline": True}, "offline"),
    ],
)
def test_server_warning(change: dict[str, object], kind: str) -> None:
    assert kinds(replace(HEALTHY, **change)) == [kind]


@pytest.mark.parametrize(
    "change",
    [
        {"version": "7-202001"},
        {"version": "7.2"},
        {"on_prem_name": " ONPREM.example. "},
        {"recorded_url": "https://ONPREM.example/smarttransport/"},
        {"product_instances": 40_000, "instance_limit": 50_000},
        {"product_instances": None, "last_synced_at": None},
        {"on_prem_name": "", "common_name": "", "recorded_url": ""},
    ],
)
def test_server_without_warning(change: dict[str, object]) -> None:
    assert kinds(replace(HEALTHY, **change)) == []


def test_address_in_the_url_is_pointed_out_where_a_name_is_needed() -> None:
    by_address = ServerFacts("Harbour", version="8", ip="10.1.2.3")
    old = ServerFacts("Harbour", version="6.3", ip="10.1.2.3")

    assert kinds(by_address) == ["fqdn_needed"]
    assert kinds(old) == ["version_too_old"]
    assert kinds(old, has_expressways=True) == ["version_too_old", "fqdn_needed"]


def test_names_are_compared_with_the_recorded_url_first() -> None:
    server = replace(HEALTHY, recorded_url="https://other.example/SmartTransport")

    assert kinds(server) == ["on_prem_name_differs", "common_name_differs"]


def test_warning_says_what_and_what_next() -> None:
    (warning,) = server_warnings(replace(HEALTHY, recorded_url=f"https://onprem.example{GATEWAY}"), NOW)

    assert warning.message == f"The registration URL https://onprem.example{GATEWAY} does not fit version 8-202404."
    assert warning.next_step == "Change it to https://onprem.example/SmartTransport in HCM-F and in the clusters."


def test_instance_limit_is_10000_unless_a_version_says_otherwise() -> None:
    assert (instance_limit("6.3"), instance_limit("8-202404"), instance_limit("")) == (10_000, 10_000, 10_000)


def kinds(server: ServerFacts, has_expressways: bool = False) -> list[str]:
    return [str(warning.kind) for warning in server_warnings(server, NOW, has_expressways)]
