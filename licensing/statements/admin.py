"""Show statements, schedules and batches in the admin site. Pages and REST act on them."""

from licensing.statements.models import Statement, StatementBatch, StatementMail, StatementSchedule
from people.admin_site import ShownAdmin, partner_site


class StatementAdmin(ShownAdmin):
    list_display = ("number", "customer_name", "period_start", "period_end", "issued_at", "issued_by_name", "corrects")
    list_filter = ("year",)
    list_select_related = ("corrects",)
    search_fields = ("number", "customer_name", "sha256")


class StatementMailAdmin(ShownAdmin):
    list_display = ("statement", "recipient", "state", "created_at", "sent_at", "answer")
    list_filter = ("state",)
    list_select_related = ("statement",)
    search_fields = ("recipient", "statement__number")


class StatementScheduleAdmin(ShownAdmin):
    list_display = ("customer", "enabled", "day_of_month", "last_period", "problem")
    list_filter = ("enabled",)
    list_select_related = ("customer",)
    search_fields = ("customer__name",)


class StatementBatchAdmin(ShownAdmin):
    list_display = ("__str__", "period_start", "period_end", "tag", "state", "created_at", "finished_at")
    list_filter = ("state",)
    search_fields = ("tag",)


partner_site.register(Statement, StatementAdmin)
partner_site.register(StatementMail, StatementMailAdmin)
partner_site.register(StatementSchedule, StatementScheduleAdmin)
partner_site.register(StatementBatch, StatementBatchAdmin)
