"""Lay out the tables of license servers and smart accounts."""

from datetime import datetime
from typing import Any

import django_tables2 as tables
from django.utils.safestring import SafeString

from kit.tables import LinkColumn, NumberColumn, PortalTable, SinceColumn, TitleColumn, check_state
from kit.templatetags.components import age, badge, counted
from licensing.accounts.models import LicenseServer, SmartAccount
from licensing.fleet import on_prem


class LicenseServerTable(PortalTable):
    sparse = ("warnings", "checked_at")
    name = TitleColumn("license-server", below=lambda server: server.get_kind_display())
    api_base_url = tables.Column(verbose_name="Address")
    accounts = NumberColumn(verbose_name="Smart accounts")
    warnings = tables.Column(verbose_name="Warnings", empty_values=(), orderable=False)
    check_status = tables.Column(verbose_name="Connection", empty_values=())
    checked_at = SinceColumn(verbose_name="Tested")

    def render_warnings(self, record: LicenseServer) -> SafeString | str:
        found = on_prem.warnings_of(record)
        return badge("minor", counted(len(found), "warning,warnings")) if found else ""

    def value_warnings(self, record: LicenseServer) -> str:
        return " ".join(warning.message for warning in on_prem.warnings_of(record))

    def render_check_status(self, record: LicenseServer) -> SafeString:
        return badge(check_state(record.check_status), record.get_check_status_display())

    def value_check_status(self, record: LicenseServer) -> str:
        return check_state(record.check_status)


class SmartAccountTable(PortalTable):
    name = TitleColumn(
        "smart-account",
        below=lambda account: account.domain if account.name else "",
        accessor="pk",
        order_by=("name", "domain", "pk"),
        verbose_name="Smart account",
    )
    license_server = LinkColumn("license-server", order_by=("license_server__name", "pk"))
    pools = NumberColumn(verbose_name="Virtual accounts")
    last_run = tables.Column(verbose_name="Last sync", empty_values=(), orderable=False)
    last_synced_at = tables.Column(verbose_name="As of", empty_values=())

    def render_name(self, record: SmartAccount) -> SafeString:
        column: Any = self.columns["name"].column
        return TitleColumn.render(column, str(record), record)

    def value_name(self, record: SmartAccount) -> str:
        return str(record)

    def render_last_run(self, record: SmartAccount) -> SafeString:
        return badge(run_state(record))

    def value_last_run(self, record: SmartAccount) -> str:
        return run_state(record)

    def render_last_synced_at(self, value: datetime | None, record: SmartAccount) -> SafeString:
        return age(value, record.sync_every, prefix="")

    def value_last_synced_at(self, value: datetime | None) -> datetime | None:
        return value


def run_state(account: SmartAccount) -> str:
    """Return "paused", or the status of the latest sync (annotated by the view), "" if there was none."""
    return "paused" if account.paused_at else getattr(account, "last_status", None) or ""
