"""The table of registration tokens. Their texts are nowhere in it."""

from datetime import datetime

import django_tables2 as tables
from django.utils.safestring import SafeString

from licensing.models import RegistrationToken
from licensing.tables.base import LinkColumn, PortalTable, TitleColumn
from licensing.templatetags.components import age, badge, ends


class RegistrationTokenTable(PortalTable):
    description = TitleColumn(
        "registration-token", accessor="pk", order_by=("description", "pk"), verbose_name="Registration token"
    )
    virtual_account = LinkColumn("virtual-account", order_by=("virtual_account__name", "pk"))
    expires_at = tables.Column(verbose_name="Ends")
    export_controlled = tables.Column(verbose_name="Export control")
    created_by = tables.Column(verbose_name="Made by")
    as_of = tables.Column(
        accessor="virtual_account__smart_account__last_synced_at",
        verbose_name="As of",
        empty_values=(),
        orderable=False,
    )

    def render_description(self, record: RegistrationToken) -> SafeString:
        return TitleColumn.render(self.columns["description"].column, str(record), record)

    def value_description(self, record: RegistrationToken) -> str:
        return str(record)

    def render_expires_at(self, value: datetime) -> SafeString:
        return ends(value, warn_days=7)

    def value_expires_at(self, value: datetime) -> datetime:
        return value

    def render_export_controlled(self, value: bool) -> SafeString | str:
        return badge("allowed") if value else "not allowed"

    def value_export_controlled(self, value: bool) -> bool:
        return value

    def render_as_of(self, value: datetime | None, record: RegistrationToken) -> SafeString:
        return age(value, record.virtual_account.smart_account.sync_every, prefix="")

    def value_as_of(self, value: datetime | None) -> datetime | None:
        return value
