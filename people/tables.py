"""Lay out the tables of users, API tokens and the audit."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar

import django_tables2 as tables
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from kit.tables import EndColumn, PortalTable, SinceColumn, TitleColumn, WhenColumn
from kit.templatetags.components import badge, exact
from people.models import ApiToken, AuditEntry

# After these actions the object has no page any more.
LAST_ACTIONS = {"deleted", "removed"}
# Kind of object in the audit -> its label, and the route of its page if it has one.
OBJECTS = {
    "licenseserver": ("License server", "license-server"),
    "smartaccount": ("Smart account", "smart-account"),
    "virtualaccount": ("Virtual account", "virtual-account"),
    "productinstance": ("Product instance", "product-instance"),
    "registrationtoken": ("Registration token", "registration-token"),
    "customer": ("Customer", "customer"),
    "cluster": ("Cluster", "cluster"),
    "proxy": ("Proxy", ""),
    "assignment": ("Assignment", "assignment"),
    "assignmentjob": ("Assignment job", "assignment-job"),
    "assignmentbatch": ("Assignment batch", "assignment-batch"),
    "alert": ("Alert", "alert"),
    "alertrule": ("Alert rule", "alert-rule-edit"),
    "syncrun": ("Sync run", "sync-run"),
    "subscription": ("Subscription", "subscription"),
    "overage": ("Out of compliance", ""),
    "transferplan": ("Transfer plan", "transfer-plan"),
    "transferstep": ("Step of a transfer plan", ""),
    "clusteraccess": ("Access to a cluster", ""),
    "autoregistration": ("Auto registration", ""),
    "channel": ("Channel", "channel"),
    "calendarfeed": ("Calendar of due dates", ""),
    "savedfilter": ("Saved filter", ""),
    "user": ("User", "user"),
    "apitoken": ("API token", ""),
}


OWNERS_PAGES = {"user", "channel", "alert-rule-edit"}


class UserTable(PortalTable):
    email = TitleColumn("user", below=lambda user: user.name, verbose_name="User")
    name = tables.Column(visible=False)
    role = tables.Column()
    is_active = tables.Column(verbose_name="State")
    last_login = SinceColumn(verbose_name="Last sign-in")
    date_joined = SinceColumn(verbose_name="Added")

    def render_is_active(self, value: bool) -> SafeString:
        return badge("active" if value else "inactive")

    def value_is_active(self, value: bool) -> str:
        return "active" if value else "inactive"


class ApiTokenTable(PortalTable):
    name = tables.Column(attrs={"td": {"class": "title"}})
    user = tables.Column(order_by=("user__email", "pk"))
    scope = tables.Column()
    state = tables.Column(empty_values=(), orderable=False)
    expires_at = EndColumn(warn_days=14, verbose_name="Ends")
    last_used_at = SinceColumn(verbose_name="Last used")
    created_at = SinceColumn(verbose_name="Created")
    revoke = tables.Column(empty_values=(), orderable=False, verbose_name="", exclude_from_export=True)

    def render_name(self, record: ApiToken) -> SafeString:
        return format_html('{} <span class="sub mono">{}…</span>', record.name, record.prefix)

    def value_name(self, record: ApiToken) -> str:
        return record.name

    def render_user(self, record: ApiToken) -> str:
        return record.user.email

    def render_state(self, record: ApiToken) -> SafeString:
        return badge(record.state)

    def value_state(self, record: ApiToken) -> str:
        return record.state

    def render_revoke(self, record: ApiToken) -> SafeString | str:
        if record.state != "active":
            return ""
        address = reverse("api-token-revoke", args=[record.pk])
        label = '<a class="button quiet danger small" href="{}">Revoke<span class="visually-hidden"> {}</span></a>'
        return format_html(label, address, record.name)


class OwnTokenTable(ApiTokenTable):
    """Show people their own tokens, read-only, unless they are owners."""

    class Meta:
        exclude = ("user", "revoke")


class AuditTable(PortalTable):
    closed: ClassVar[set[str]] = OWNERS_PAGES

    at = WhenColumn(verbose_name="Time")
    actor = tables.Column(verbose_name="Who")
    action = tables.Column(verbose_name="Did")
    object_label = tables.Column(verbose_name="With")
    changes = tables.Column(orderable=False, verbose_name="Old and new")

    def render_object_label(self, value: str, record: AuditEntry) -> SafeString:
        kind, route = OBJECTS.get(record.object_type, (record.object_type, ""))
        shown = value
        if route and route not in self.closed and record.object_id.isdigit() and record.action not in LAST_ACTIONS:
            shown = format_html('<a href="{}">{}</a>', reverse(route, args=[record.object_id]), value)
        return format_html('{} <span class="sub">{}</span>', shown, kind)

    def value_object_label(self, value: str, record: AuditEntry) -> str:
        return f"{record.object_type} {record.object_id}: {value}"

    def render_changes(self, value: dict[str, Any]) -> SafeString:
        return format_html_join(
            "", "<div>{}: {}</div>", ((words(name), _describe_change(pair, audit_text)) for name, pair in value.items())
        )

    def value_changes(self, value: dict[str, Any]) -> str:
        return "; ".join(f"{words(name)}: {_describe_change(pair, str)}" for name, pair in value.items())


class OwnersAuditTable(AuditTable):
    closed: ClassVar[set[str]] = set()


def words(name: str) -> str:
    """Return the name of a column as words: `client_secret` is "client secret"."""
    return name.replace("_", " ")


def audit_text(value: Any) -> str:
    """Return a value of the audit in words: moments as on all pages, lists and objects without brackets."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{words(name)} {audit_text(part)}" for name, part in value.items())
    if isinstance(value, list):
        return ", ".join(audit_text(part) for part in value)
    if isinstance(value, str) and value[10:11] == "T":
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return value
        return exact(moment) if moment.tzinfo else value
    return str(value)


def _describe_change(pair: Any, describe: Callable[[Any], str]) -> str:
    """Return the old and the new value in words, without an old value that was empty."""
    if not isinstance(pair, list) or len(pair) != 2:
        return describe(pair)
    old, new = ("" if value is None else describe(value) for value in pair)
    return f"{old or 'empty'} → {new or 'empty'}" if old else new or "empty"
