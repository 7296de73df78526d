"""Find the pages of the subjects of alerts, and the alerts that concern a customer."""

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.urls import reverse

from licensing.alerts.models import Alert
from licensing.mirror.models import InstanceUsage, ProductInstance

# The pages of subjects; those that have none of their own are shown on another's.
PAGES = {name: name.replace("_", "-") for name in Alert.SUBJECTS if name != "cssm_alert"}


def subject_address(alert: Alert) -> str:
    """The page of what the alert is about."""
    if alert.subject_type in PAGES:
        return reverse(PAGES[alert.subject_type], args=[alert.subject_id])
    return reverse("smart-account", args=[alert.smart_account_id]) if alert.smart_account_id else ""


def about_customer(customer: int) -> QuerySet[Alert]:
    """Return the open alerts that concern a customer, the most urgent first.

    These are about its clusters, their product instances, and the licenses that those use.
    """
    return _about("cluster__customer", customer)


def about_cluster(cluster: int) -> QuerySet[Alert]:
    """Return the open alerts about a cluster, its product instances, and the licenses that those use."""
    return _about("cluster", cluster)


def _about(path: str, pk: int) -> QuerySet[Alert]:
    uses = InstanceUsage.objects.filter(
        license=OuterRef("subject_id"),
        product_instance__gone_at=None,
        quantity__gt=0,
        **{f"product_instance__{path}": pk},
    )
    instances = ProductInstance.objects.present().filter(pk=OuterRef("subject_id"), **{path: pk})
    concerned = (
        Q(**{path: pk})
        | Q(subject_type="license") & Exists(uses)
        | Q(subject_type="product_instance") & Exists(instances)
    )
    return Alert.objects.open().filter(concerned).by_urgency()
