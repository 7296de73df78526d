"""Find the pages of the subjects of alerts."""

from django.urls import reverse

from licensing.alerts.models import Alert

# The pages of subjects; those that have none of their own are shown on another's.
PAGES = {name: name.replace("_", "-") for name in Alert.SUBJECTS if name != "cssm_alert"}


def subject_address(alert: Alert) -> str:
    """The page of what the alert is about."""
    if alert.subject_type in PAGES:
        return reverse(PAGES[alert.subject_type], args=[alert.subject_id])
    return reverse("smart-account", args=[alert.smart_account_id]) if alert.smart_account_id else ""
