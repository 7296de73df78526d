"""Build the navigation, by task: alerts and worklist, pools, customers, Cisco's side, and the organisation."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.functional import SimpleLazyObject

from people.gate import Need, may


@dataclass(frozen=True, slots=True)
class Item:
    route: str
    label: str
    icon: str
    owners_only: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    label: str
    icon: str
    address: str
    current: bool


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    links: list[Link]


SECTIONS = (
    (
        "",
        (
            Item("overview", "Overview", "layout-dashboard"),
            Item("alerts", "Alerts", "bell"),
            Item("worklist", "Worklist", "list-checks"),
        ),
    ),
    (
        "Pools",
        (
            Item("positions", "Positions", "scale"),
            Item("pools", "Orders and use", "git-compare-arrows"),
            Item("orders", "Orders", "shopping-cart"),
            Item("licenses", "Licenses", "key-round"),
            Item("virtual-accounts", "Virtual accounts", "layers"),
            Item("product-instances", "Product instances", "cpu"),
            Item("usage", "Usage report", "scroll-text"),
            Item("overages", "Out of compliance", "timer"),
            Item("transfer-plans", "Transfer plans", "arrow-left-right"),
            Item("registration-tokens", "Registration tokens", "ticket"),
            Item("subscriptions", "Subscriptions", "receipt"),
            Item("what-if", "What if?", "flask-conical"),
        ),
    ),
    (
        "Customers",
        (
            Item("customers", "Customers", "building-2"),
            Item("growth", "Growth", "trending-up"),
            Item("prices", "Prices", "coins"),
            Item("statements", "Statements", "file-text"),
            Item("clusters", "Clusters", "boxes"),
            Item("assignments", "Assignments", "link"),
            Item("assignment-jobs", "Assignment jobs", "list-checks"),
            Item("assignment-batches", "Assignment batches", "calendar-clock"),
            Item("auto-registration", "Auto registration", "wand-sparkles"),
            Item("transport", "Transport", "route"),
        ),
    ),
    (
        "Cisco",
        (
            Item("smart-accounts", "Smart accounts", "cloud"),
            Item("license-servers", "License servers", "server"),
            Item("sync-runs", "Sync runs", "refresh-cw"),
        ),
    ),
    (
        "Organisation",
        (
            Item("users", "Users", "users", owners_only=True),
            Item("api-tokens", "API tokens", "key", owners_only=True),
            Item("alert-rules", "Alert rules", "sliders-horizontal", owners_only=True),
            Item("channels", "Channels", "send", owners_only=True),
            Item("deliveries", "Deliveries", "mail-check", owners_only=True),
            Item("audit", "Audit", "scroll-text"),
            Item("admin:index", "Admin site", "settings", owners_only=True),
        ),
    ),
)


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Return the template context: `navigation`, the sections that the user can reach on this host."""
    return {
        "navigation": SimpleLazyObject(lambda: sections(request.path, may(getattr(request, "user", None), Need.OWN)))
    }


def sections(path: str, may_own: bool) -> list[Section]:
    """Return the sections that have pages for the user on this host."""
    found = (
        (title, [link_of(item, path) for item in items if may_own or not item.owners_only]) for title, items in SECTIONS
    )
    shown = (Section(title, [link for link in links if link]) for title, links in found)
    return [section for section in shown if section.links]


def link_of(item: Item, path: str) -> Link | None:
    """Return the link of an item, or None if the host lacks the page: the provider's host has no licensing."""
    try:
        address = reverse(item.route)
    except NoReverseMatch:
        return None
    current = path == address if address == "/" else path.startswith(address)
    return Link(item.label, item.icon, address, current)
