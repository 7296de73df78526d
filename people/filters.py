"""Filter the lists of users, API tokens and audit entries."""

import django_filters
from django import forms
from django.db.models import QuerySet
from django.utils import timezone

from kit.filters import ListFilter
from people.models import ApiToken, AuditEntry, Role, Scope, User
from people.tables import OBJECTS


class UserFilter(ListFilter):
    searched = ("email", "name")
    placeholder = "Search name or email"
    role = django_filters.ChoiceFilter(choices=Role.choices, empty_label="Any")
    is_active = django_filters.ChoiceFilter(
        label="State", choices=[("true", "Active"), ("false", "Deactivated")], empty_label="Any", method="by_state"
    )

    class Meta:
        model = User
        fields = ["q", "role", "is_active"]

    def by_state(self, rows: QuerySet[User], name: str, value: str) -> QuerySet[User]:
        return rows.filter(is_active=value == "true")


class ApiTokenFilter(ListFilter):
    searched = ("name", "user__email", "prefix")
    placeholder = "Search name, user or first letters"
    scope = django_filters.ChoiceFilter(choices=Scope.choices, empty_label="Any")
    state = django_filters.ChoiceFilter(
        label="State",
        choices=[
            ("active", "Active"),
            ("revoked", "Revoked"),
            ("expired", "Expired"),
            ("inactive", "User deactivated"),
        ],
        empty_label="Any",
        method="by_state",
    )

    class Meta:
        model = ApiToken
        fields = ["q", "scope", "state"]

    def by_state(self, rows: QuerySet[ApiToken], name: str, value: str) -> QuerySet[ApiToken]:
        now = timezone.now()
        if value == "revoked":
            return rows.exclude(revoked_at=None)
        rows = rows.filter(revoked_at=None)
        if value == "expired":
            return rows.filter(expires_at__lte=now)
        rows = rows.exclude(expires_at__lte=now)
        return rows.filter(user__is_active=value == "active")


class AuditFilter(ListFilter):
    searched = ("actor", "object_label", "action")
    placeholder = "Search person, action or object"
    object_type = django_filters.ChoiceFilter(
        label="Kind", choices=[(name, label) for name, (label, _) in OBJECTS.items()], empty_label="Any"
    )
    object_id = django_filters.CharFilter(label="Id", widget=forms.HiddenInput)
    since = django_filters.DateFilter("at", "date__gte", label="From", widget=forms.DateInput(attrs={"type": "date"}))
    until = django_filters.DateFilter("at", "date__lte", label="To", widget=forms.DateInput(attrs={"type": "date"}))

    class Meta:
        model = AuditEntry
        fields = ["q", "object_type", "object_id", "since", "until"]
