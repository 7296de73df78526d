"""Pass what is wrong with On-Prem servers to the findings; licensing.fleet judges it."""

import json
from collections import defaultdict
from dataclasses import asdict
from typing import Any

from licensing.accounts.models import LicenseServer
from licensing.alerts.models import Kind
from licensing.fleet import on_prem
from licensing.fleet.transport import WarningKind

# How long ago a server synchronized with Cisco has a threshold of its own, so SQL judges it (findings_servers).
KINDS = {
    WarningKind.URL_DOES_NOT_FIT_VERSION: Kind.ON_PREM_URL,
    WarningKind.ON_PREM_NAME_DIFFERS: Kind.ON_PREM_URL,
    WarningKind.COMMON_NAME_DIFFERS: Kind.ON_PREM_URL,
    WarningKind.FQDN_NEEDED: Kind.ON_PREM_URL,
    WarningKind.NEARLY_FULL: Kind.ON_PREM_CAPACITY,
}


# What the warnings of a kind of rule are judged by. What is not named here may change without the alert changing.
JUDGED_BY = {
    Kind.ON_PREM_URL: ("name", "version", "fqdn", "ip", "hcmf_version", "recorded_url", "on_prem_name", "common_name"),
    Kind.ON_PREM_CAPACITY: ("name", "version", "product_instances", "instance_limit"),
}


def found() -> str:
    """Return JSON, one entry per server and kind of rule: the warnings' codes and what they are judged by. One query.

    licensing.alerts.wording words them from these facts, through licensing.fleet.transport.
    """
    entries = []
    for server in on_prem.with_counts(LicenseServer.objects.filter(kind=LicenseServer.Kind.ON_PREM)):
        codes: dict[Kind, list[str]] = defaultdict(list)
        for warning in on_prem.warnings_of(server):
            if kind := KINDS.get(warning.kind):
                codes[kind].append(warning.kind)
        facts: dict[str, Any] = asdict(on_prem.facts_of(server)) if codes else {}
        entries += [
            {
                "server": server.pk,
                "kind": kind,
                "judged": {name: facts[name] for name in JUDGED_BY[kind]},
                "has_expressways": server.has_expressways,
                "warnings": warnings,
            }
            for kind, warnings in codes.items()
        ]
    return json.dumps(entries)
