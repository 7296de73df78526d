"""Store users, API tokens and the audit. Every partner, and the provider, has its own."""

import hashlib
import secrets
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone


class Role(models.TextChoices):
    OWNER = "owner", "Owner"
    OPERATOR = "operator", "Operator"
    VIEWER = "viewer", "Viewer"


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username or "")


class User(AbstractBaseUser):
    """A user works at one partner, or for the provider. Users are deactivated, not deleted: the audit names them."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=150, blank=True)
    role = models.CharField(max_length=10, choices=Role, default=Role.VIEWER)
    is_active = models.BooleanField("active", default=True)  # type: ignore[misc]
    is_superuser = models.BooleanField(default=False, editable=False, help_text="Provider staff only.")
    date_joined = models.DateTimeField(default=timezone.now, editable=False)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: list[str] = []  # type: ignore[misc]

    objects = UserManager()

    class Meta:
        ordering = ["email"]
        constraints = [models.UniqueConstraint(Lower("email"), name="one_user_per_email")]

    def __str__(self) -> str:
        return self.name or self.email

    def clean(self) -> None:
        self.email = self.email.strip().lower()

    def get_full_name(self) -> str:
        return str(self)

    def get_short_name(self) -> str:
        return str(self)

    # Django's admin asks these. Only owners get in; everywhere else the gate decides.

    @property
    def is_staff(self) -> bool:
        return self.is_active and (self.role == Role.OWNER or self.is_superuser)

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        return self.is_staff

    def has_perms(self, perms: Any, obj: Any = None) -> bool:
        return self.is_staff

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_staff


class Scope(models.TextChoices):
    READ = "read", "Read"
    WRITE = "write", "Read and write"


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def usable(self, now: datetime) -> "ApiTokenQuerySet":
        """Return the tokens that work: neither revoked nor past their end, and of a user who may sign in."""
        unended = models.Q(expires_at=None) | models.Q(expires_at__gt=now)
        return self.filter(unended, revoked_at=None, user__is_active=True)


class ApiToken(models.Model):
    """A token signs in a program. Only its digest is kept. It may do what its scope **and** its user's role allow."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100)
    scope = models.CharField(max_length=5, choices=Scope, default=Scope.READ)
    prefix = models.CharField(max_length=12, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def state(self) -> str:
        """Return the first of these that applies: revoked, expired, inactive (its user is) or active."""
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at is not None and self.expires_at <= timezone.now():
            return "expired"
        return "active" if self.user.is_active else "inactive"

    @staticmethod
    def digest_of(text: str) -> str:
        """Return the digest of a token. Tokens are random and long, so a plain digest is as good as a slow one."""
        return hashlib.sha256(text.encode()).hexdigest()

    @classmethod
    def issue(cls, user: User, name: str, scope: str, expires_at: datetime | None = None) -> tuple["ApiToken", str]:
        """Create a token. Return it with its text, which is not stored."""
        text = "slp_" + secrets.token_urlsafe(32)
        token = cls.objects.create(
            user=user, name=name, scope=scope, prefix=text[:8], digest=cls.digest_of(text), expires_at=expires_at
        )
        return token, text


class AuditEntry(models.Model):
    """An audit entry says who did what, when, with old and new values. people.audit writes it once."""

    at = models.DateTimeField(default=timezone.now, editable=False)
    user = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, editable=False, related_name="+")
    actor = models.CharField(
        max_length=254, editable=False, help_text="The user's e-mail, with the token if one was used."
    )
    action = models.CharField(max_length=40, editable=False)
    object_type = models.CharField(max_length=50, editable=False)
    object_id = models.CharField(max_length=40, editable=False)
    object_label = models.CharField(max_length=300, editable=False)
    changes = models.JSONField(default=dict, editable=False, help_text="{field: [old, new]}, secrets masked.")

    class Meta:
        ordering = ["-at", "-id"]
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["-at", "-id"], name="audit_newest_first"),  # the audit page
            models.Index(fields=["object_type", "object_id", "-at"], name="audit_of_object"),  # an object's history
        ]

    def __str__(self) -> str:
        return f"{self.actor} {self.action} {self.object_label}"


class SavedFilter(models.Model):
    """A person has saved these filters of a list: `page` is the list's route, `query` its query string."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_filters", db_index=False
    )
    page = models.CharField(max_length=50)
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=1000)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["user", "page", "name"], name="one_saved_filter_per_name")]

    def __str__(self) -> str:
        return self.name
