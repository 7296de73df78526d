"""The fleet as a CSV file: what is read, what is bad and why, what an import writes, what an export looks like."""

from datetime import date
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_tenants.utils import tenant_context

from kit.refusals import Refusal
from licensing.fleet.fleet_file import importing, reading, writing
from licensing.fleet.fleet_file.planning import plan
from licensing.fleet.models import Cluster, Customer, Node, Proxy
from licensing.mirror.models import ProductInstance
from people.audit import Actor
from people.models import AuditEntry
from tenants.models import Partner
from tests import factories as make
from tests.accounts.test_pages_servers import page

ANNA = Actor(None, "anna@acme.example")
HEAD = "customer,customer_tags,customer_proxy_host,customer_proxy_port,cluster,application,version,node,role,serial"
GOOD = f"""{HEAD}
Harbor,"north, gold",proxy.harbor.example,3128,Core,cucm,14.0.1,pub.example,publisher,SER1
Harbor,,,,Core,,,sub.example,,
Harbor,,,,Edge,Expressway-E,X14.2,edge.example,publisher,
Hospital,,,,,,,,,
"""


def bad_lines(text: str) -> list[tuple[int, str]]:
    return [(bad.number, bad.reason) for bad in plan(reading.read(text)).bad]


def carry_out(text: str, leave_out: list[int] | None = None) -> importing.Imported:
    return importing.carry_out(ANNA, text, leave_out or [])


# --- reading ---


@pytest.mark.parametrize(
    "content",
    [
        "customer,cluster\nGötz,Köln\n".encode(),
        "\ufeffcustomer,cluster\r\nGötz,Köln\r\n".encode(),
        "customer;cluster\nGötz;Köln\n".encode("cp1252"),
        "customer\tcluster\nGötz\tKöln\n".encode("utf-16"),
        "customer\tcluster\nGötz\tKöln\n".encode("utf-16-le"),
        '"customer"\t"cluster"\nGötz\tKöln\n'.encode("utf-16-be"),
        "sep=;\nCustomer ; Cluster;\n\n;;\n Götz ;Köln;\n".encode(),
    ],
)
def test_whatever_a_spreadsheet_writes_is_read(content: bytes) -> None:
    sheet = reading.read(reading.decode(content))

    assert [line.cells for line in sheet.lines] == [{"customer": "Götz", "cluster": "Köln"}]
    assert sheet.bad == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "does not name the column customer"),
        (b"customer,colour\n", "names unknown columns: colour"),
        (b"customer,customer\n", "names customer twice"),
        (b"cluster\nCore\n", "does not name the column customer"),
        (b"\x89PNG\x00\x00", "not a text file"),
        (b'customer\n"Harbor\n', "Line 2 is not CSV"),
        (b"customer\n" + b"x" * 140_000, "is not CSV: field larger than field limit"),
        (b"customer\n" + b"Harbor\n" * 20_001, "more than 20,000 lines"),
        (b"x" * (reading.MAX_BYTES + 1), "larger than 5 MB"),
    ],
)
def test_what_is_no_fleet_file_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(Refusal) as refused:
        reading.read(reading.decode(content))

    assert said in str(refused.value)
    assert refused.value.next_step
    assert refused.value.field == "file"


# --- bad lines ---


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (",,,,Core,cucm,,,,", "It names no customer."),
        ("Harbor,,,,,,,pub.example,,", "It names a node but no cluster."),
        ("Harbor,,,,,,14,,,", "It has version but names no cluster."),
        ("Harbor,,,,,,,,,SER1", "It has serial but names no cluster."),
        ("Harbor,,,,Core,cucm,14,,publisher,", "It has role but names no node."),
        ("Harbor,,,,Core,cucm,14,,,SER1", "It has serial but names no node."),
        ("Harbor,,,,Core,,,,,", "A new cluster needs its application."),
        ("Harbor,,,,Core,pbx,,,,", "application 'pbx' is none of cucm, cuc, cer, expressway_c, expressway_e."),
        ("Harbor,,,,Core,cucm,,pub example,,", "node 'pub example': Enter a host name or an IP address, without"),
        ("Harbor,,,,Core,cucm,,pub.example,boss,", "role 'boss' is neither publisher nor subscriber."),
        ("Harbor,,,3128,,,,,,", "customer_proxy_host is empty, though other cells of the proxy are not."),
        ("Harbor,,proxy.example,,,,,,,", "customer_proxy_port is empty. A proxy needs a port."),
        ("Harbor,,proxy.example,70000,,,,,,", "customer_proxy_port: Ensure this value is less than or equal to 65535."),
        ("Harbor,,proxy.example,http,,,,,,", "customer_proxy_port 'http' is not a number."),
        ("Harbor,,http://p.example,80,,,,,,", "customer_proxy_host 'http://p.example': Enter a host name or an IP"),
        ("x" * 201 + ",,,,,,,,,", "name: Ensure this value has at most 200 characters (it has 201)."),
        (f"Harbor,{'x' * 41},,,,,,,,", "tags: Item 1 in the array did not validate:"),
        (f"Harbor,,,,Core,cucm,{'1' * 31},,,", "version: Ensure this value has at most 30 characters (it has 31)."),
        ("Harbor,,,,Core,cucm,,,,,more", "It has more cells than the first line has columns."),
    ],
)
def test_a_bad_line_says_why(acme: Partner, line: str, reason: str) -> None:
    [(number, said)] = bad_lines(f"{HEAD}\n{line}\n")

    assert number == 2
    assert said.startswith(reason)


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("mixed_mode,maybe", "mixed_mode 'maybe' is neither yes nor no."),
        ("installed_on,2026-02-30", "installed_on '2026-02-30' is not a day. Write it as 2026-12-31."),
        ("deployment,cloud", "deployment 'cloud' is none of hcs, enterprise."),
        ("license_server,Cisco", "license_server 'Cisco' is not the name of an On-Prem server."),
        ("cluster_proxy_username,sam", "cluster_proxy_host is empty, though other cells of the proxy are not."),
    ],
)
def test_a_bad_cell_of_a_cluster_says_why(acme: Partner, cell: str, reason: str) -> None:
    make.make_server(name="Cisco")
    column, value = cell.split(",")

    assert bad_lines(f"customer,cluster,application,{column}\nHarbor,Core,cucm,{value}\n") == [(2, reason)]


@pytest.mark.parametrize(
    "column",
    [
        "version",
        "deployment",
        "mixed_mode",
        "managed_on_premise",
        "installed_on",
        "license_server",
        "cluster_proxy_host",
        "cluster_proxy_port",
        "cluster_proxy_username",
    ],
)
def test_what_is_said_of_no_cluster_is_not_passed_over(acme: Partner, column: str) -> None:
    assert bad_lines(f"customer,{column}\nHarbor,no\n") == [(2, f"It has {column} but names no cluster.")]


def test_lines_that_contradict_or_repeat_each_other(acme: Partner) -> None:
    text = f"""{HEAD}
Harbor,north,,,Core,cucm,14,pub.example,publisher,
Harbor,south,,,Core,,,sub.example,,
Harbor,,,,Core,cuc,14,sub.example,,
Harbor,,,,Core,,,PUB.example,,
Harbor,,,,Core,,,two.example,publisher,
Harbor,north,,,Core,cucm,14,sub.example,,
"""

    assert bad_lines(text) == [
        (3, "tags \"['south']\" contradicts line 2, where it is \"['north']\"."),
        (4, "application 'cuc' contradicts line 2, where it is 'cucm'."),
        (5, "It repeats line 2: that line already has this node."),
        (6, "pub.example is already the publisher of this cluster. Make it a subscriber first."),
    ]


def test_what_relies_on_a_bad_line_is_bad_and_the_rest_is_not(acme: Partner) -> None:
    text = f"""{HEAD}
Harbor,,,,Core,pbx,,pub.example,publisher,
Harbor,,,,Core,,,sub.example,,
Harbor,,,,Edge,cucm,,,,
Hospital,{"x" * 41},,,Lab,cucm,,,,
Hospital,,,,,,,,,
"""

    assert [number for number, _ in bad_lines(text)] == [2, 3, 5, 6]
    assert dict(bad_lines(text))[3] == "Line 2, which brings its cluster, cannot be imported."
    assert dict(bad_lines(text))[6] == "Line 5, which brings its customer, cannot be imported."
    assert Customer.objects.count() == 0


# --- importing ---


def test_everything_is_imported_and_audited(acme: Partner, globex: Partner) -> None:
    with tenant_context(globex):
        theirs = make.make_cluster(customer=make.make_customer(name="Harbor"), name="Core", version="12.5")
    instance = make.make_instance(serial="SER1")

    done = carry_out(GOOD)

    assert (done.lines, done.left_out) == (4, 0)
    assert list(Customer.objects.values_list("name", "tags")) == [("Harbor", ["north", "gold"]), ("Hospital", [])]
    assert list(Cluster.objects.values_list("name", "customer__name", "application", "version", "deployment")) == [
        ("Core", "Harbor", "cucm", "14.0.1", "hcs"),
        ("Edge", "Harbor", "expressway_e", "X14.2", "hcs"),
    ]
    assert sorted(Node.objects.values_list("cluster__name", "host_name", "role", "serial")) == [
        ("Core", "pub.example", "publisher", "SER1"),
        ("Core", "sub.example", "subscriber", ""),
        ("Edge", "edge.example", "publisher", ""),
    ]
    assert str(Proxy.objects.get(customer__name="Harbor")) == "proxy.harbor.example:3128"
    assert ProductInstance.objects.get(pk=instance.pk).cluster == Cluster.objects.get(name="Core")
    entries = AuditEntry.objects.values_list("actor", "action", "object_label")
    assert sorted(entries) == [
        ("anna@acme.example", "changed nodes", "Core"),
        ("anna@acme.example", "changed nodes", "Edge"),
        ("anna@acme.example", "changed proxy", "Harbor"),
        ("anna@acme.example", "imported", "Core"),
        ("anna@acme.example", "imported", "Edge"),
        ("anna@acme.example", "imported", "Harbor"),
        ("anna@acme.example", "imported", "Hospital"),
    ]
    with tenant_context(globex):
        theirs.refresh_from_db()
        assert (theirs.version, Cluster.objects.count(), AuditEntry.objects.count()) == ("12.5", 1, 0)


def test_what_is_there_is_changed_and_empty_cells_leave_it(acme: Partner) -> None:
    carry_out(GOOD)
    Proxy.objects.update(username="sam")
    for proxy in Proxy.objects.all():
        proxy.password = "hide-me"
        proxy.save()
    AuditEntry.objects.all().delete()

    carry_out(
        "customer,cluster,version,installed_on,node,role,customer_proxy_host\n"
        "Harbor,Core,15.0,2026-11-01,PUB.example,subscriber,\n"
        "Harbor,Core,,,new.example,publisher,\n"
        "Harbor,Edge,,,,,next.example\n"
    )

    core = Cluster.objects.get(name="Core")
    assert (core.version, core.application, core.installed_on) == ("15.0", "cucm", date(2026, 11, 1))
    assert dict(core.nodes.values_list("host_name", "role")) == {
        "pub.example": "subscriber",
        "sub.example": "subscriber",
        "new.example": "publisher",
    }
    proxy = Proxy.objects.get()
    assert (proxy.host, proxy.port, proxy.username, proxy.password.reveal()) == ("next.example", 3128, "sam", "hide-me")
    assert dict(AuditEntry.objects.values_list("action", "changes")) == {
        "imported": {"version": ["14.0.1", "15.0"], "installed_on": [None, "2026-11-01"]},
        "changed nodes": {
            "nodes": [{"pub.example": "publisher SER1"}, {"pub.example": "subscriber SER1", "new.example": "publisher"}]
        },
        "changed proxy": {"proxy": ["proxy.harbor.example:3128", "next.example:3128"]},
    }


def test_an_export_is_imported_again_without_a_change(acme: Partner, globex: Partner) -> None:
    with tenant_context(globex):
        make.make_customer(name="Theirs")
    server = make.make_server(name="Our On-Prem", kind="on_prem")
    customer = make.make_customer(name="=cmd|' /C calc'!A0", tags=["a", "b"], note='two\nlines, "quoted"')
    cluster = make.make_cluster(
        {"pub.example": "publisher", "sub.example": "subscriber"},
        customer=customer,
        name="-1+1",
        license_server=server,
        mixed_mode=True,
        installed_on="2026-11-01",
    )
    Proxy.objects.create(cluster=cluster, host="proxy.example", port=3128, password="hide-me")
    carry_out(GOOD)
    Cluster.objects.filter(name="Edge").update(license_server=make.make_server(name="Cisco"))
    Customer.objects.filter(name="Hospital").update(note="'=1+1 is what the sheet said")
    Customer.objects.filter(name="Harbor").update(note="''-Gravenhage")

    text = writing.write()

    found = plan(reading.read(reading.decode(text.encode())))
    assert (found.bad, found.does_something) == ([], False)
    assert [sum(numbers) for _, *numbers in found.counts()] == [3, 3, 5, 2]
    assert "\n'=cmd" in text
    assert "hide-me" not in text
    assert "Theirs" not in text


def test_bad_lines_are_left_out_only_as_they_were_shown(acme: Partner) -> None:
    text = f"{HEAD}\nHarbor,,,,Core,pbx,,,,\nHospital,,,,,,,,,\n"

    for accepted in ([], [2, 3], [3]):
        with pytest.raises(Refusal):
            carry_out(text, accepted)
    nothing = Customer.objects.count()
    done = carry_out(text, [2])

    assert (nothing, done.lines, done.left_out) == (0, 1, 1)
    assert [str(row) for row in Customer.objects.all()] == ["Hospital"]


def test_preview_and_import_take_the_same_queries_for_any_number(acme: Partner) -> None:
    """Each file changes a cluster with its node and proxy, and adds new ones; writes go in batches of 1,000."""
    carry_out(f"{HEAD}\nC0,,proxy.example,80,K0,cuc,14,n0.example,publisher,\n")
    counted = []
    for first, last in ((1, 3), (4, 200)):
        changed = f"C0,tag{last},proxy.example,{last},K0,cuc,{last},n0.example,publisher,S{last}"
        new = [f"C{place},,proxy.example,80,K{place},cuc,14,n{place}.example,," for place in range(first, last)]
        text = "\n".join([HEAD, changed, *new])
        with CaptureQueriesContext(connection) as looked:
            plan(reading.read(text))
        with CaptureQueriesContext(connection) as imported:
            carry_out(text)
        counted.append((len(looked), len(imported)))

    assert counted[0] == counted[1]
    assert counted[0][0] == 7
    assert Node.objects.count() == 199


# --- pages ---


def upload(client: Any, text: str) -> Any:
    return client.post("/clusters/import/", {"file": SimpleUploadedFile("fleet.csv", text.encode())})


def key_of(response: Any) -> str:
    return str(response.context["key"])


def test_preview_shows_bad_lines_and_imports_nothing_until_told(acme: Partner, globex: Partner, client_of: Any) -> None:
    client, text = client_of(acme, "operator"), GOOD + "Harbor,,,,Core,pbx,<b>,,,\n"

    preview = upload(client, text)
    shown, before = page(preview), Customer.objects.count()
    refused = client.post("/clusters/import/", {"key": key_of(preview), "leave_out": ""})
    strange = client_of(globex, "operator").post("/clusters/import/", {"key": key_of(preview), "leave_out": "6,\u00b2"})
    endless = client.post("/clusters/import/", {"key": key_of(preview), "leave_out": "6" * 5_000})
    colleague = client_of(acme, "owner").post("/clusters/import/", {"key": key_of(preview), "leave_out": "6"})
    nothing = Customer.objects.count()
    done = client.post("/clusters/import/", {"key": key_of(preview), "leave_out": "6"})

    assert "application &#x27;pbx&#x27; is none of" in shown
    assert "Leave out 1 bad line and import 4 lines" in shown
    assert (before, refused.status_code, endless.status_code, nothing) == (0, 409, 409, 0)
    assert (strange["Location"], colleague["Location"]) == ("/clusters/import/", "/clusters/import/")
    assert done["Location"] == "/clusters/"
    assert Customer.objects.count() == 2
    assert "1 bad line was left out." in page(client.get("/clusters/"))
    again = client.post("/clusters/import/", {"key": key_of(preview), "leave_out": "6"})
    assert again["Location"] == "/clusters/import/"


def test_a_file_that_is_none_is_said_at_the_form(acme: Partner, client_of: Any) -> None:
    client = client_of(acme, "operator")

    answers = [upload(client, ""), upload(client, "name\nHarbor\n"), client.post("/clusters/import/", {})]

    assert [answer.status_code for answer in answers] == [422, 422, 422]
    assert "The first line names unknown columns: name." in page(answers[1])


def test_of_a_huge_file_no_more_than_the_bound_is_kept(acme: Partner, client_of: Any, settings: Any) -> None:
    response = upload(client_of(acme, "operator"), "customer\n" + "Harbor\n" * 3_000_000)

    assert (response.status_code, Customer.objects.count()) == (422, 0)
    assert "The file is larger than 5 MB." in page(response)
    size = response.wsgi_request.FILES["file"].size
    assert settings.UPLOAD_MAX_BYTES < size < settings.UPLOAD_MAX_BYTES + 256 * 1024


def test_viewers_export_and_do_not_import(acme: Partner, client_of: Any) -> None:
    carry_out(GOOD)
    client = client_of(acme, "viewer")

    assert client.get("/clusters/export/").content.decode() == writing.write()
    assert upload(client, GOOD).status_code == 403
