"""The tables of orders, and of what came into, left and moved between virtual accounts."""

from datetime import date, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from licensing.accounts.models import SmartAccount
from licensing.fleet.models import Customer
from licensing.mirror.models import License, VirtualAccount


class Order(models.Model):
    """A purchase at Cisco, as a person entered it. All columns are the partner's own.

    Deposits name a purchase by its subscription, or else by its order number, so an order has at least one of the two.
    `virtual_account` is where its licenses are expected to arrive.
    """

    smart_account = models.ForeignKey(SmartAccount, on_delete=models.CASCADE, related_name="orders", db_index=False)
    number = models.CharField("order number", max_length=100, blank=True)
    subscription_id = models.CharField("subscription ID", max_length=100, blank=True)
    ordered_on = models.DateField("ordered on", default=timezone.localdate)
    customer = models.ForeignKey(Customer, on_delete=models.SET_NULL, null=True, blank=True, related_name="orders")
    virtual_account = models.ForeignKey(
        VirtualAccount,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="expected virtual account",
    )
    renewal_on = models.DateField("renewal on", null=True, blank=True)
    contract = models.CharField(max_length=100, blank=True)

    class Meta:
        ordering = ["-ordered_on", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["smart_account", "subscription_id", "number"],
                name="one_order_per_number_and_subscription",
                violation_error_message="This order is already entered.",
            ),
            models.CheckConstraint(
                condition=~Q(number="") | ~Q(subscription_id=""),
                name="order_has_number_or_subscription",
                violation_error_message="Enter an order number or a subscription ID.",
            ),
        ]

    def __str__(self) -> str:
        return f"Order {self.number}" if self.number else self.subscription_id

    @property
    def due_on(self) -> date:
        """Return the day until which Cisco should have delivered."""
        return self.ordered_on + timedelta(days=settings.ORDER_DUE_DAYS)


class OrderLine(models.Model):
    """The ordered quantity of one license. An order has one line for all spellings of a license."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines", db_index=False)
    position = models.PositiveSmallIntegerField()
    license_name = models.CharField("license", max_length=300)
    quantity = models.PositiveIntegerField()

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["order", "position"], name="one_order_line_per_position"),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="order_line_of_at_least_one"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.license_name}"


class Movement(models.Model):
    """Licenses of one purchase that a sync saw come into a virtual account (above 0), or leave it (below 0).

    `first`: they were there when a sync saw the virtual account for the first time. `move`: they came from, or went to,
    `counterpart`, another virtual account of the same smart account. The run has no constraint: runs are deleted
    earlier than movements, from which it follows what Cisco delivered and what was only moved.
    """

    class Kind(models.TextChoices):
        FIRST = "first", "First sync"
        DEPOSIT = "deposit", "Deposit"
        WITHDRAWAL = "withdrawal", "Withdrawal"
        MOVE = "move", "Move"

    at = models.DateTimeField()
    sync_run = models.BigIntegerField(help_text="The sync that saw it.")
    virtual_account = models.ForeignKey(VirtualAccount, on_delete=models.CASCADE, related_name="+", db_index=False)
    license = models.ForeignKey(License, on_delete=models.CASCADE, related_name="movements")
    license_name = models.CharField(max_length=300)
    subscription_id = models.CharField(max_length=100, blank=True)
    order_number = models.CharField(max_length=100, blank=True)
    quantity = models.IntegerField()
    kind = models.CharField(max_length=10, choices=Kind)
    counterpart = models.ForeignKey(VirtualAccount, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    by_portal = models.BooleanField(default=False, help_text="A transfer plan of the portal moved them.")

    class Meta:
        ordering = ["-at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="move", counterpart__isnull=False) | (~Q(kind="move") & Q(counterpart=None)),
                name="only_a_move_has_a_counterpart",
            ),
            models.CheckConstraint(condition=~Q(quantity=0), name="movement_of_at_least_one"),
        ]
        indexes = [
            models.Index(fields=["virtual_account", "-at", "-id"], name="movement_of_pool"),
            models.Index(fields=["sync_run"], name="movement_of_run"),
            models.Index(fields=["virtual_account"], name="moved_license", condition=Q(kind="move")),
        ]

    def __str__(self) -> str:
        return f"{self.quantity:+} × {self.license_name}"

    @property
    def key(self) -> str:
        """Return the purchase: its subscription, else its order number, else ""."""
        return self.subscription_id or self.order_number

    @property
    def purchase(self) -> str:
        """Name the order and the subscription that the licenses belong to."""
        return ", ".join(filter(None, (self.order_number and f"order {self.order_number}", self.subscription_id)))

    @property
    def route(self) -> str:
        """Say where a move went: "moved by the portal from Ordered to Operational"; "" for what is no move."""
        if self.counterpart is None:
            return ""
        source, target = self.virtual_account, self.counterpart
        if self.quantity > 0:
            source, target = target, source
        return f"moved{' by the portal' if self.by_portal else ''} from {source} to {target}"


class ExpectedMove(models.Model):
    """A transfer that the portal has verified at Cisco, and of which no sync has seen both halves yet.

    `leaving` and `arriving` are what is still to be seen at the source and at the target.
    """

    at = models.DateTimeField()
    license_name = models.CharField(max_length=300)
    source = models.ForeignKey(VirtualAccount, on_delete=models.CASCADE, related_name="+")
    target = models.ForeignKey(VirtualAccount, on_delete=models.CASCADE, related_name="+")
    leaving = models.PositiveIntegerField()
    arriving = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.license_name} from {self.source} to {self.target}"
