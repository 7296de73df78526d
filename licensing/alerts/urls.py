"""Pages of alerts, their rules and the out-of-compliance clocks. Each collection stands under its REST name."""

from django.urls import path

from licensing.alerts.pages import alert_rules, alerts, overages

urlpatterns = [
    path("overages/", overages.overages, name="overages"),
    path("overages/<int:pk>/edit/", overages.overage_edit, name="overage-edit"),
    path("overages/<int:pk>/since/", overages.overage_since, name="overage-since"),
    path("overages/<int:pk>/since/restore/", overages.overage_restore, name="overage-restore"),
    path("alerts/", alerts.alerts, name="alerts"),
    path("alerts/<int:pk>/", alerts.alert, name="alert"),
    path("alerts/<int:pk>/acknowledge/", alerts.alert_acknowledge, name="alert-acknowledge"),
    path("alerts/<int:pk>/own/", alerts.alert_own, name="alert-own"),
    path("alerts/<int:pk>/snooze/", alerts.alert_snooze, name="alert-snooze"),
    path("alerts/<int:pk>/comment/", alerts.alert_comment, name="alert-comment"),
    path("alerts/filters/", alerts.alert_filter_save, name="alert-filter-save"),
    path("alerts/filters/<int:pk>/delete/", alerts.alert_filter_delete, name="alert-filter-delete"),
    path("alert-rules/", alert_rules.alert_rules, name="alert-rules"),
    path("alert-rules/add/", alert_rules.alert_rule_add, name="alert-rule-add"),
    path("alert-rules/<int:pk>/edit/", alert_rules.alert_rule_edit, name="alert-rule-edit"),
    path("alert-rules/<int:pk>/delete/", alert_rules.alert_rule_delete, name="alert-rule-delete"),
]
