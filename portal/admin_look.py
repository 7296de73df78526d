"""How the two admin sites look: names, colours and what stands in their sidebars."""

from typing import Any

from django.urls import reverse_lazy

# static/portal.css: the pages' brand colour, from light to dark.
BRAND = {
    "50": "#f0f8fb",
    "100": "#dceff5",
    "200": "#bcdfea",
    "300": "#8ccadc",
    "400": "#63c5de",
    "500": "#379ab7",
    "600": "#0b5c75",
    "700": "#084558",
    "800": "#0a3848",
    "900": "#0b2b38",
    "950": "#071c25",
}


def group(title: str, *entries: tuple[str, str, str]) -> dict[str, Any]:
    """Entries: title, icon (Material Symbols, which Unfold brings along), app and model."""
    items = [
        {"title": name, "icon": icon, "link": reverse_lazy(f"admin:{model}_changelist")}
        for name, icon, model in entries
    ]
    return {"title": title, "separator": True, "items": items}


def site(title: str, below: str, *groups: dict[str, Any], favicon: str) -> dict[str, Any]:
    return {
        "SITE_TITLE": title,
        "SITE_HEADER": "Partner Portal",
        "SITE_SUBHEADER": below,
        "SITE_URL": "/",
        "SITE_SYMBOL": "hub",
        "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": favicon}],
        "SHOW_HISTORY": True,
        "SHOW_VIEW_ON_SITE": False,
        "SHOW_BACK_BUTTON": True,
        "BORDER_RADIUS": "6px",
        "COLORS": {"primary": BRAND},
        "SIDEBAR": {"show_search": True, "navigation": list(groups)},
    }


def partner_site(favicon: str) -> dict[str, Any]:
    return site(
        "Partner Portal admin",
        "Administration",
        group(
            "Cisco's side",
            ("License servers", "dns", "licensing_licenseserver"),
            ("Smart accounts", "cloud", "licensing_smartaccount"),
            ("Virtual accounts", "folder", "licensing_virtualaccount"),
            ("Licenses", "verified", "licensing_license"),
            ("Product instances", "devices", "licensing_productinstance"),
            ("Registration tokens", "key", "licensing_registrationtoken"),
            ("Subscriptions", "receipt_long", "licensing_subscription"),
            ("Transfer plans", "swap_horiz", "licensing_transferplan"),
        ),
        group(
            "Fleet",
            ("Customers", "apartment", "licensing_customer"),
            ("Clusters", "lan", "licensing_cluster"),
            ("Access to clusters", "terminal", "licensing_clusteraccess"),
            ("Assignments", "link", "licensing_assignment"),
        ),
        group(
            "Alerts and history",
            ("Alerts", "notifications", "licensing_alert"),
            ("Out of compliance", "timer", "licensing_overage"),
            ("Alert rules", "tune", "licensing_alertrule"),
            ("Channels", "send", "licensing_channel"),
            ("Deliveries", "outgoing_mail", "licensing_delivery"),
            ("Sync runs", "sync", "licensing_syncrun"),
            ("Changes", "history", "licensing_change"),
            ("Usage samples", "monitoring", "licensing_usagesample"),
        ),
        group(
            "People",
            ("Users", "group", "people_user"),
            ("API tokens", "vpn_key", "people_apitoken"),
            ("Audit", "fact_check", "people_auditentry"),
        ),
        favicon=favicon,
    )


def provider_site(favicon: str) -> dict[str, Any]:
    return site(
        "Provider admin",
        "Provider",
        group(
            "Registry",
            ("Partners", "domain", "tenants_partner"),
            ("Domains", "language", "tenants_domain"),
            ("What is due", "schedule", "tenants_scheduledjob"),
        ),
        group("Staff", ("Users", "group", "people_user"), ("Audit", "fact_check", "people_auditentry")),
        favicon=favicon,
    )
