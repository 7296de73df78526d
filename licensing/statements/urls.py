"""Pages of statements. The verification page and the shared pages need no sign-in."""

from django.urls import path

from licensing.statements.pages import batches, inventory, letterhead, links, mails, public, schedules, statements

urlpatterns = [
    path("statements/", statements.statements, name="statements"),
    path("statements/add/", statements.statement_add, name="statement-add"),
    path("statements/service-inventory/", inventory.service_inventory, name="service-inventory"),
    path("statements/letterhead/", letterhead.letterhead, name="letterhead"),
    path("statements/letterhead/logo/", letterhead.letterhead_logo, name="letterhead-logo"),
    path("statements/schedules/", schedules.statement_schedules, name="statement-schedules"),
    path("statements/schedules/add/", schedules.statement_schedule_add, name="statement-schedule-add"),
    path("statements/schedules/<int:pk>/", schedules.statement_schedule_edit, name="statement-schedule"),
    path(
        "statements/schedules/<int:pk>/delete/", schedules.statement_schedule_delete, name="statement-schedule-delete"
    ),
    path("statements/batches/", batches.statement_batches, name="statement-batches"),
    path("statements/batches/add/", batches.statement_batch_add, name="statement-batch-add"),
    path("statements/batches/<int:pk>/", batches.statement_batch, name="statement-batch"),
    path("statements/batches/<int:pk>/cancel/", batches.statement_batch_cancel, name="statement-batch-cancel"),
    path("statements/verify/", public.statement_verify, name="statement-verify"),
    path("statements/shared/<str:secret>/", public.statement_shared, name="statement-shared"),
    path("statements/shared/<str:secret>/logo/", public.statement_shared_logo, name="statement-shared-logo"),
    path("statements/shared/<str:secret>/<str:format>/", public.statement_shared_file, name="statement-shared-file"),
    path("statements/<int:pk>/", statements.statement, name="statement"),
    path("statements/<int:pk>/correct/", statements.statement_correct, name="statement-correct"),
    path("statements/<int:pk>/logo/", statements.statement_logo, name="statement-logo"),
    path("statements/<int:pk>/links/add/", links.statement_link_add, name="statement-link-add"),
    path("statements/<int:pk>/links/<int:link>/revoke/", links.statement_link_revoke, name="statement-link-revoke"),
    path("statements/<int:pk>/send/", mails.statement_send, name="statement-send"),
    path("statements/<int:pk>/mails/<int:mail>/again/", mails.statement_mail_again, name="statement-mail-again"),
    path("statements/<int:pk>/<str:format>/", statements.statement_file, name="statement-file"),
]
