"""Pages of the overview, pools, transfers, worklist and subscriptions, each under its REST name."""

from django.urls import path

from licensing.pools.pages import balance, overview, remedies, subscriptions, transfer_plans, worklist

urlpatterns = [
    path("", overview.overview, name="overview"),
    path("licenses/<int:pk>/remedies/", remedies.license_remedies, name="license-remedies"),
    path("licenses/<int:pk>/transfer/", remedies.license_transfer, name="license-transfer"),
    path("transfer-plans/", transfer_plans.transfer_plans, name="transfer-plans"),
    path("transfer-plans/<int:pk>/", transfer_plans.transfer_plan, name="transfer-plan"),
    path("transfer-plans/<int:pk>/approve/", transfer_plans.transfer_plan_approve, name="transfer-plan-approve"),
    path("transfer-plans/<int:pk>/execute/", transfer_plans.transfer_plan_execute, name="transfer-plan-execute"),
    path("transfer-plans/<int:pk>/cancel/", transfer_plans.transfer_plan_cancel, name="transfer-plan-cancel"),
    path(
        "transfer-plans/<int:pk>/steps/<int:step>/settle/",
        transfer_plans.transfer_step_settle,
        name="transfer-step-settle",
    ),
    path("worklist/", worklist.worklist, name="worklist"),
    path("pools/", balance.pool_list, name="pools"),
    path("pools/<int:pk>/", balance.pool_page, name="pool"),
    path("subscriptions/", subscriptions.subscriptions, name="subscriptions"),
    path("subscriptions/<int:pk>/", subscriptions.subscription, name="subscription"),
    path("subscriptions/<int:pk>/edit/", subscriptions.subscription_edit, name="subscription-edit"),
]
