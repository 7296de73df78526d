"""Set the look of the two admin sites: names, colours and sidebars."""

from typing import Any

from django.urls import reverse_lazy

# The brand colour of the pages (static/portal.css), from light to dark.
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
    """Return a group of the sidebar. Entries: title, icon (Material Symbols, which Unfold includes), app and model."""
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
            ("License servers", "dns", "accounts_licenseserver"),
            ("Smart accounts", "cloud", "accounts_smartaccount"),
            ("Virtual accounts", "folder", "mirror_virtualaccount"),
            ("Licenses", "verified", "mirror_license"),
            ("Product instances", "devices", "mirror_productinstance"),
            ("Registration tokens", "key", "mirror_registrationtoken"),
            ("Subscriptions", "receipt_long", "mirror_subscription"),
            ("Orders", "shopping_cart", "orders_order"),
            ("Deposits and moves", "move_to_inbox", "orders_movement"),
            ("Transfer plans", "swap_horiz", "pools_transferplan"),
        ),
        group(
            "Fleet",
            ("Customers", "apartment", "fleet_customer"),
            ("Clusters", "lan", "fleet_cluster"),
            ("Access to clusters", "terminal", "fleet_clusteraccess"),
            ("Assignments", "link", "assignments_assignment"),
            ("Prices", "payments", "figures_price"),
        ),
        group(
            "Alerts and history",
            ("Alerts", "notifications", "alerts_alert"),
            ("Out of compliance", "timer", "alerts_overage"),
            ("Alert rules", "tune", "alerts_alertrule"),
            ("Channels", "send", "channels_channel"),
            ("Deliveries", "outgoing_mail", "channels_delivery"),
            ("Sync runs", "sync", "mirror_syncrun"),
            ("Changes", "history", "mirror_change"),
            ("Usage samples", "monitoring", "mirror_usagesample"),
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
            ("Scheduled jobs", "schedule", "tenants_scheduledjob"),
        ),
        group("Staff", ("Users", "group", "people_user"), ("Audit", "fact_check", "people_auditentry")),
        favicon=favicon,
    )
