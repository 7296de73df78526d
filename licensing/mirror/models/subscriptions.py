"""The table of subscriptions, which tie purchase lines to a customer and to a license model."""

from django.db import models
from django.utils import timezone

from licensing.accounts.models import SmartAccount


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    def mapped(self) -> "SubscriptionQuerySet":
        """Keep subscriptions that belong to a customer, or are perpetual and so belong to the partner."""
        return self.filter(models.Q(customer__isnull=False) | models.Q(license_model="perpetual"))

    def unmapped(self) -> "SubscriptionQuerySet":
        return self.filter(customer=None).exclude(license_model="perpetual")


class Subscription(models.Model):
    """An order's identifier, as Cisco writes it on purchase lines. Ours: customer, license_model, note.

    A sync adds the row when a line names it for the first time, and never changes it again; licenses, quantities and
    terms are those of the lines. One subscription belongs to one customer, a customer may have several; perpetual
    licenses belong to the partner and may have no subscription at all (docs/domain.md#X5).
    """

    class LicenseModel(models.TextChoices):
        UNSET = "", "Not set"
        ENTERPRISE_AGREEMENT = "enterprise_agreement", "Flex Hosted, Enterprise Agreement"
        NAMED_USER = "named_user", "Flex Hosted, Named User"
        NAMED_USER_PERPETUAL = "named_user_perpetual", "Named User and perpetual"
        PERPETUAL = "perpetual", "HCS perpetual"

    # mirrored
    smart_account = models.ForeignKey(
        SmartAccount, on_delete=models.CASCADE, related_name="subscriptions", db_index=False
    )
    subscription_id = models.CharField("subscription ID", max_length=100)
    first_seen_at = models.DateTimeField(default=timezone.now)
    # ours
    customer = models.ForeignKey(
        "fleet.Customer", on_delete=models.SET_NULL, null=True, blank=True, related_name="subscriptions"
    )
    license_model = models.CharField(max_length=24, choices=LicenseModel, default="", db_default="", blank=True)
    note = models.TextField(blank=True, default="", db_default="")

    objects = SubscriptionQuerySet.as_manager()

    # People decide these columns. Page, REST and admin show them in this order.
    OWN = ("customer", "license_model", "note")

    class Meta:
        ordering = ["subscription_id", "id"]
        constraints = [
            models.UniqueConstraint(fields=["smart_account", "subscription_id"], name="one_subscription_per_id"),
            models.CheckConstraint(
                condition=~models.Q(license_model="perpetual") | models.Q(customer=None),
                name="perpetual_belongs_to_the_partner",
                violation_error_message="Perpetual licenses belong to the partner, not to a customer.",
            ),
        ]

    def __str__(self) -> str:
        return self.subscription_id
