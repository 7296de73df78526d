"""The table of registration tokens. Their texts are nowhere in it."""

import django_tables2 as tables
from django.utils.safestring import SafeString

from licensing.models import RegistrationToken
from licensing.tables.base import EndColumn, LinkColumn, PortalTable, TitleColumn
from licensing.tables.mirror import AgeColumn
from licensing.templatetags.components import badge


class RegistrationTokenTable(PortalTable):
    description = TitleColumn(
        "registration-token", accessor="pk", order_by=("description", "pk"), verbose_name="Registration token"
    )
    virtual_account = LinkColumn("virtual-account", order_by=("virtual_account__name", "pk"))
    expires_at = EndColumn(warn_days=7, verbose_name="Ends")
    export_controlled = tables.Column(verbose_name="Export control")
    created_by = tables.Column(verbose_name="Made by")
    as_of = AgeColumn(accessor="virtual_account__smart_account")

    def render_description(self, record: RegistrationToken) -> SafeString:
        return TitleColumn.render(self.columns["description"].column, str(record), record)

    def value_description(self, record: RegistrationToken) -> str:
        return str(record)

    def render_export_controlled(self, value: bool) -> SafeString | str:
        return badge("allowed") if value else "not allowed"

    def value_export_controlled(self, value: bool) -> bool:
        return value
