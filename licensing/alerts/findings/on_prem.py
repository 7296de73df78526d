"""What is wrong with On-Prem servers, as findings take it: licensing.fleet.transport judges, licensing.fleet.on_prem reads."""

import json

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


def found() -> str:
    """JSON, one entry per server and kind of rule; several warnings of a kind are one text. One query."""
    servers = on_prem.with_counts(LicenseServer.objects.filter(kind=LicenseServer.Kind.ON_PREM))
    texts: dict[tuple[int, str], list[tuple[str, str]]] = {}
    for server in servers:
        for warning in on_prem.warnings_of(server):
            if kind := KINDS.get(warning.kind):
                texts.setdefault((server.pk, kind), []).append((warning.message, warning.next_step))
    return json.dumps([
        {
            "server": server, "kind": kind, "summary": " ".join(message for message, _ in warnings),
            "next_step": " ".join(dict.fromkeys(step for _, step in warnings)),
        }
        for (server, kind), warnings in texts.items()
    ])  # fmt: skip
