"""Facts of an alert of each kind, as its finding gives them: what alerts that tests make are worded from."""

from typing import Any

DAY, MOMENT = "2026-05-01", "2026-05-01T10:00:00+00:00"
POOL = {"pool": "Operational", "account": "Acme"}
USE = {"owned": 1200, "in_use": 1204, "free": -4}
SPARE = {"spare_pool": None, "spare_free": None}
TERM = {**POOL, "licenses": 1200, "first_end": DAY, "last_end": DAY, "subscriptions": ["Sub1"]}
ON_PREM = {"name": "ssm", "version": "8-202404"}

ALERT_FACTS: dict[str, dict[str, Any]] = {
    "out_of_compliance": {**POOL, **USE, "short": 4, **SPARE},
    "free_below": {**POOL, **USE, "free": 5, "threshold": 10, "unit": "percent", **SPARE},
    "exhaustion": {
        **POOL,
        **USE,
        "left": 30,
        "owned_last": 1200,
        "window": 180,
        "pace": 30.5,
        "days_measured": 90,
        "runs_out": DAY,
        **SPARE,
    },
    "term_ending": TERM,
    "term_ended": TERM,
    "instance_silent": {**POOL, "last_contact": MOMENT, "licenses_held": 1200},
    "wrong_pool": {
        **POOL,
        "cluster": "HQ",
        "customer": "Harbor",
        "meant_pool": "Planned",
        "meant_account": "Acme",
        "assigned_since": MOMENT,
    },
    "assignment_failed": {
        "job": "assign",
        "target_pool": "Operational",
        "state": "failed",
        "stage": "transport",
        "cause": "The cluster did not answer.",
        "next_step": "",
        "requested_at": MOMENT,
        "requested_by": "operator@acme.example",
        "moved_at": MOMENT,
    },
    "ordered_consumption": {
        **POOL,
        "in_use": 1200,
        "license_names": 4,
        "most_used": [["Enhanced", 900], ["Basic", 200], ["Plus", 99]],
        "operational_pool": None,
    },
    "token_expiring": {**POOL, "expires": MOMENT},
    "token_used_up": {**POOL, "uses": 1200, "uses_allowed": 1200, "expires": MOMENT},
    "evaluation_ending": {"installed": "2026-01-31", "ends": DAY},
    "overage": {
        **POOL,
        **USE,
        "since": MOMENT,
        "since_at_latest": False,
        "since_reason": "",
        "has_owner": False,
        "note": "",
    },
    "on_prem_sync": {"synced_at": MOMENT, "offline": False},
    "on_prem_url": {
        "server": {
            **ON_PREM,
            "fqdn": "ssm.example",
            "ip": "",
            "hcmf_version": "",
            "on_prem_name": "other.example",
            "common_name": "",
            "recorded_url": "https://ssm.example/SmartTransport",
        },
        "has_expressways": False,
        "warnings": ["on_prem_name_differs"],
    },
    "on_prem_capacity": {
        "server": {**ON_PREM, "product_instances": 1190, "instance_limit": 1200},
        "has_expressways": False,
        "warnings": ["nearly_full"],
    },
    "certificate_expiring": {"valid_until": MOMENT, "server_kind": "on_prem"},
    "tls_verification_off": {},
    "sync_failed": {
        "cause": "The server did not answer.",
        "next_step": "Check the network.",
        "synced_at": MOMENT,
        "failed_at": MOMENT,
    },
    "sync_too_old": {"synced_at": MOMENT, "added_at": MOMENT, "limit_hours": 1200},
    "credentials_refused": {
        "refused_at": "sync",
        "cause": "The client secret is wrong.",
        "next_step": "",
        "synced_at": MOMENT,
        "finished_at": MOMENT,
    },
    "credentials_expiring": {"last_day": DAY},
    "cssm_alert": {
        **POOL,
        "type": "Synchronization Overdue",
        "source": "ssm-1",
        "message": "It is overdue.",
        "cisco_severity": "Major",
    },
}
