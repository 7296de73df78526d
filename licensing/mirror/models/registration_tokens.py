"""The table of registration tokens."""

import uuid

from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from kit.secrets import SecretField
from licensing.mirror.models.virtual_accounts import MirroredQuerySet, VirtualAccount


class RegistrationTokenQuerySet(MirroredQuerySet):
    def with_uses_left(self) -> "RegistrationTokenQuerySet":
        return self.filter(Q(uses_allowed=None) | Q(uses__lt=F("uses_allowed")))


class RegistrationToken(models.Model):
    """A token that products register with. Mirrored by its digest; ours: text, made_here, uses_allowed, uses.

    Cisco's interface tells neither how often a token may be used nor how often it was used. `uses_allowed` is the
    number that a person read in CSSM, None where there is no limit or none is known. `uses` counts the registrations
    that the portal has carried out with it. Other uses are known only where a person enters them, so it is a minimum.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False, db_default=RandomUUID())
    # mirrored
    virtual_account = models.ForeignKey(
        VirtualAccount, on_delete=models.CASCADE, related_name="registration_tokens", db_index=False
    )
    digest = models.CharField(max_length=64, editable=False, help_text="SHA-256 of the text.")
    description = models.CharField(max_length=500, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    created_by = models.CharField(max_length=254, blank=True)
    export_controlled = models.BooleanField(default=False)
    fingerprint = models.BigIntegerField(null=True, editable=False)  # licensing.mirror.sync.fingerprints
    gone_at = models.DateTimeField(null=True, blank=True)
    # ours
    text = SecretField(db_default="")
    made_here = models.BooleanField(default=False, db_default=False)
    uses_allowed = models.PositiveIntegerField(null=True, blank=True)
    uses = models.PositiveIntegerField(default=0, db_default=0)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = RegistrationTokenQuerySet.as_manager()

    class Meta:
        ordering = ["-expires_at", "id"]
        constraints = [models.UniqueConstraint(fields=["virtual_account", "digest"], name="one_token_per_text")]

    def __str__(self) -> str:
        return self.description or f"Token #{self.pk}"

    @property
    def used_up(self) -> bool:
        """Return whether this one token fails RegistrationTokenQuerySet.with_uses_left."""
        return self.uses_allowed is not None and self.uses >= self.uses_allowed
