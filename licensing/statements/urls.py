"""Pages of statements. The verification page and the shared pages need no sign-in."""

from django.urls import path

from licensing.statements.pages import inventory, links, public, statements

urlpatterns = [
    path("statements/", statements.statements, name="statements"),
    path("statements/add/", statements.statement_add, name="statement-add"),
    path("statements/service-inventory/", inventory.service_inventory, name="service-inventory"),
    path("statements/verify/", public.statement_verify, name="statement-verify"),
    path("statements/shared/<str:secret>/", public.statement_shared, name="statement-shared"),
    path("statements/shared/<str:secret>/logo/", public.statement_shared_logo, name="statement-shared-logo"),
    path("statements/shared/<str:secret>/<str:format>/", public.statement_shared_file, name="statement-shared-file"),
    path("statements/<int:pk>/", statements.statement, name="statement"),
    path("statements/<int:pk>/correct/", statements.statement_correct, name="statement-correct"),
    path("statements/<int:pk>/logo/", statements.statement_logo, name="statement-logo"),
    path("statements/<int:pk>/links/add/", links.statement_link_add, name="statement-link-add"),
    path("statements/<int:pk>/links/<int:link>/revoke/", links.statement_link_revoke, name="statement-link-revoke"),
    path("statements/<int:pk>/<str:format>/", statements.statement_file, name="statement-file"),
]
