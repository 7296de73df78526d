"""Rows for tests: plain functions, every column a keyword, sensible defaults, parents made when not given."""

from datetime import timedelta
from itertools import count
from typing import Any

from django.utils import timezone

from licensing.accounts.models import LicenseServer, SmartAccount
from licensing.alerts.models import Alert, AlertEvent, AlertRule, Overage
from licensing.assignments.models import (
    Assignment,
    AssignmentBatch,
    AssignmentBatchCluster,
    AssignmentJob,
    AssignmentStage,
)
from licensing.channels.models import Channel
from licensing.fleet.models import Cluster, Customer, Node
from licensing.mirror.models import (
    InstanceUsage,
    License,
    LicenseLine,
    ProductInstance,
    RegistrationToken,
    Subscription,
    SyncRun,
    VirtualAccount,
)
from licensing.orders.models import Movement, Order, OrderLine
from licensing.pools.models import TransferPlan, TransferStep
from tests.alert_facts import ALERT_FACTS

_numbers = count(1)


def make_server(**values: Any) -> LicenseServer:
    number = next(_numbers)
    defaults = {
        "name": f"Server {number}",
        "kind": "cloud",
        "api_base_url": "http://127.0.0.1:1/services/api/smart-accounts-and-licensing",
        "token_url": "http://127.0.0.1:1/oauth2/default/v1/token",
        "client_id": "demo-client",
        "client_secret": "demo-secret",
    }
    return LicenseServer.objects.create(**{**defaults, **values})


def make_smart_account(**values: Any) -> SmartAccount:
    values.setdefault("license_server", None)
    values["license_server"] = values["license_server"] or make_server()
    defaults = {"domain": f"account{next(_numbers)}.example", "name": "Account", "last_synced_at": timezone.now()}
    return SmartAccount.objects.create(**{**defaults, **values})


def make_virtual_account(**values: Any) -> VirtualAccount:
    if "smart_account" not in values:
        values["smart_account"] = make_smart_account()
    return VirtualAccount.objects.create(**{"name": f"Pool {next(_numbers)}", **values})


def make_pool(**values: Any) -> VirtualAccount:
    """A virtual account that takes clusters: with a license mode."""
    return make_virtual_account(**{"license_mode": "hcs", **values})


def make_license(**values: Any) -> License:
    if "virtual_account" not in values:
        values["virtual_account"] = make_virtual_account()
    quantity, in_use = values.get("quantity", 10), values.get("in_use", 4)
    defaults = {
        "name": f"UC Manager Enhanced License (12.x) {next(_numbers)}",
        "quantity": quantity,
        "in_use": in_use,
        "available": quantity - in_use,
        "status": "in_compliance" if quantity >= in_use else "out_of_compliance",
    }
    return License.objects.create(**{**defaults, **values})


def make_line(**values: Any) -> LicenseLine:
    if "license" not in values:
        values["license"] = make_license()
    today = timezone.now().date()
    defaults = {
        "position": LicenseLine.objects.filter(license=values["license"]).count(),
        "type": "TERM",
        "quantity": 10,
        "start": today - timedelta(days=200),
        "end": today + timedelta(days=165),
        "subscription_id": f"Sub{100000 + next(_numbers)}",
        "status": "ACTIVE",
    }
    return LicenseLine.objects.create(**{**defaults, **values})


def make_instance(usage: dict[str, int] | None = None, **values: Any) -> ProductInstance:
    """`usage`: {license name: quantity}; linked to the pool's licenses of that name where there are any."""
    number = next(_numbers)
    if "virtual_account" not in values:
        values["virtual_account"] = make_virtual_account()
    defaults = {
        "identity": f"UCM|{number:05d}|",
        "name": f"UDI_PID:UCM; UDI_SN:{number:05d}",
        "host_name": f"cucm-pub-{number}.customer.example",
        "udi_pid": "UCM",
        "serial": f"{number:05d}",
        "status": "In Compliance",
        "registered_at": timezone.now() - timedelta(days=300),
        "last_contact_at": timezone.now() - timedelta(hours=3),
    }
    instance = ProductInstance.objects.create(**{**defaults, **values})
    licenses = {row.name: row for row in License.objects.filter(virtual_account=instance.virtual_account)}
    for name, quantity in (usage or {}).items():
        InstanceUsage.objects.create(
            product_instance=instance, license=licenses.get(name), license_name=name, quantity=quantity
        )
    return instance


def make_token(**values: Any) -> RegistrationToken:
    if "virtual_account" not in values:
        values["virtual_account"] = make_virtual_account()
    number = next(_numbers)
    defaults = {
        "digest": f"{number:064x}",
        "description": f"Token {number}",
        "expires_at": timezone.now() + timedelta(days=30),
        "created_by": "somebody",
    }
    return RegistrationToken.objects.create(**{**defaults, **values})


def make_customer(**values: Any) -> Customer:
    return Customer.objects.create(**{"name": f"Customer {next(_numbers)}", **values})


def make_cluster(nodes: dict[str, str] | None = None, **values: Any) -> Cluster:
    """`nodes`: {host name: role}; default one publisher."""
    number = next(_numbers)
    if "customer" not in values:
        values["customer"] = make_customer()
    cluster = Cluster.objects.create(**{"name": f"Cluster {number}", "version": "14.0.1", **values})
    for host_name, role in (nodes if nodes is not None else {f"cucm-pub-{number}.example": "publisher"}).items():
        Node.objects.create(cluster=cluster, host_name=host_name, role=role)
    return cluster


def make_assignment(**values: Any) -> Assignment:
    values.setdefault("cluster", None)
    values["cluster"] = values["cluster"] or make_cluster()
    if "virtual_account" not in values:
        values["virtual_account"] = make_virtual_account()
    return Assignment.objects.create(**values)


def make_assignment_job(stages: dict[str, str] | None = None, **values: Any) -> AssignmentJob:
    """With its four stages; `stages`: {kind: state} where they are not waiting."""
    if "assignment" not in values and values.get("kind", "assign") != "unassign":
        values["assignment"] = make_assignment(
            cluster=values.get("cluster"), virtual_account=values.get("virtual_account") or make_virtual_account()
        )
    place = values.get("assignment")
    defaults = {"kind": "assign", "requested_by": "somebody"}
    if place is not None:
        defaults |= {"cluster": place.cluster, "virtual_account": place.virtual_account}
    job = AssignmentJob.objects.create(**{**defaults, **values})
    AssignmentStage.objects.bulk_create(
        AssignmentStage(job=job, position=place, kind=kind, state=(stages or {}).get(kind, "waiting"))
        for place, kind in enumerate(AssignmentStage.Kind.values, 1)
    )
    return job


def make_batch(clusters: list[Cluster] | None = None, **values: Any) -> AssignmentBatch:
    """`clusters`: in their order; default one. The window is open."""
    now = timezone.now()
    defaults = {"name": f"Batch {next(_numbers)}", "created_by": "somebody@acme.example"}
    window = {"window_start": now - timedelta(minutes=5), "window_end": now + timedelta(hours=4)}
    if "virtual_account" not in values:
        values["virtual_account"] = make_pool()
    batch = AssignmentBatch.objects.create(**{**defaults, **window, **values})
    AssignmentBatchCluster.objects.bulk_create(
        AssignmentBatchCluster(batch=batch, cluster=cluster, position=place)
        for place, cluster in enumerate([make_cluster()] if clusters is None else clusters, 1)
    )
    return batch


def make_subscription(**values: Any) -> Subscription:
    if "smart_account" not in values:
        values["smart_account"] = make_smart_account()
    return Subscription.objects.create(**{"subscription_id": f"Sub{next(_numbers)}", **values})


def make_order(lines: dict[str, int] | None = None, **values: Any) -> Order:
    """`lines`: {license name: quantity}; default one of 10."""
    if "smart_account" not in values:
        pool = values.get("virtual_account")
        values["smart_account"] = pool.smart_account if pool else make_smart_account()
    if "subscription_id" not in values:
        values.setdefault("number", f"8{next(_numbers):06d}")
    order = Order.objects.create(**values)
    OrderLine.objects.bulk_create(
        OrderLine(order=order, position=place, license_name=name, quantity=quantity)
        for place, (name, quantity) in enumerate((lines or {"UC Manager Enhanced License (12.x)": 10}).items(), 1)
    )
    return order


def make_movement(**values: Any) -> Movement:
    """A deposit of all that the license has, unless said otherwise."""
    row = values["license"]
    defaults = {"at": timezone.now(), "sync_run": 1, "quantity": row.quantity, "kind": "deposit"}
    names = {"virtual_account": row.virtual_account, "license_name": row.name}
    return Movement.objects.create(**{**defaults, **names, **values})


def make_sync_run(**values: Any) -> SyncRun:
    if "smart_account" not in values:
        values["smart_account"] = make_smart_account()
    now = timezone.now()
    defaults = {
        "status": "succeeded",
        "requested_by": "schedule",
        "queued_at": now - timedelta(minutes=2),
        "started_at": now - timedelta(minutes=2),
        "finished_at": now - timedelta(minutes=1),
    }
    return SyncRun.objects.create(**{**defaults, **values})


def make_alert(kind: str = "out_of_compliance", **values: Any) -> Alert:
    rule = AlertRule.objects.filter(kind=kind).first()
    rule = rule or AlertRule.objects.create(kind=kind, name=kind, severity="major")
    number = next(_numbers)
    defaults = {
        "rule": rule,
        "kind": kind,
        "severity": rule.severity,
        "subject_type": "license",
        "subject_id": number,
        "subject_name": values.pop("subject", f"License {number}"),
        "facts": ALERT_FACTS[kind],
    }
    return Alert.objects.create(**{**defaults, **values})


def make_channel(**values: Any) -> Channel:
    """A mail channel to ops@acme.example; with `url`, a webhook unless `kind` says otherwise."""
    url = values.pop("url", "")
    defaults = {"name": f"Channel {next(_numbers)}", "kind": "webhook" if url else "mail"}
    channel = Channel(**{**defaults, **values})
    if channel.kind == "mail" and not channel.recipients:
        channel.recipients = ["ops@acme.example"]
    if url:
        channel.url = url
        channel.signing_secret = "whsec_c2VjcmV0LW9mLXRoZS1yZWNlaXZlcg=="
    channel.save()
    return channel


def make_event(alert: Alert | None = None, kind: str = "opened", **values: Any) -> AlertEvent:
    alert = alert or make_alert()
    defaults = {"alert": alert, "kind": kind, "at": timezone.now(), "facts": alert.facts, "severity": alert.severity}
    return AlertEvent.objects.create(**{**defaults, **values})


def make_plan(**values: Any) -> TransferPlan:
    """Of one step: 1 of `license` to another pool of its account."""
    row = values.pop("license", None) or make_license()
    account = row.virtual_account.smart_account
    plan = TransferPlan.objects.create(**{"smart_account": account, **values})
    target = make_virtual_account(smart_account=account, name=f"{account.name} target {plan.pk}")
    TransferStep.objects.create(
        id=plan.pk,
        plan=plan,
        position=1,
        license=row,
        license_type="TERM",
        source=row.virtual_account,
        target=target,
        quantity=1,
    )
    return plan


def make_overage(**values: Any) -> Overage:
    if "license" not in values:
        values["license"] = make_license(quantity=3, in_use=5)
    return Overage.objects.create(**{"since": timezone.now() - timedelta(days=10), **values})
