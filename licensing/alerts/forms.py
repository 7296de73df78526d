"""Forms for alert rules, and for what people do with an alert. What fits a kind is said by licensing.alerts.kinds."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.db.models import Q
from django.utils import timezone

from kit.forms.scope_fields import ScopeFields
from licensing.alerts import scopes
from licensing.alerts.handling import COMMENT_LENGTH
from licensing.alerts.kinds import FACTS
from licensing.alerts.models import AlertRule, Overage, Severity
from licensing.alerts.overages import REASON_LENGTH
from people.models import Role, User

SNOOZES = {
    "4h": ("4 hours", timedelta(hours=4)),
    "1d": ("1 day", timedelta(days=1)),
    "3d": ("3 days", timedelta(days=3)),
    "7d": ("1 week", timedelta(days=7)),
    "30d": ("30 days", timedelta(days=30)),
}


def people_who_act() -> Any:
    return User.objects.filter(is_active=True, role__in=[Role.OWNER, Role.OPERATOR]).order_by("email")


class Days(forms.CharField):
    """Numbers with commas between them, as a list."""

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(str(number) for number in value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        words = str(value or "").replace(",", " ").split()
        if not all(word.isdecimal() and len(word) < 6 for word in words):
            raise forms.ValidationError("Enter numbers of days with commas between them: 90, 30, 7.")
        return [int(word) for word in words]


class AlertRuleForm(ScopeFields, forms.Form):
    """Form for a rule of one kind, with the fields that mean something for that kind."""

    scopes = scopes.CHOICES

    name = forms.CharField(max_length=120, required=False, help_text="Empty: that of its kind.")
    enabled = forms.BooleanField(required=False, label="Watch this")

    def __init__(self, rule: AlertRule, *args: Any, **options: Any) -> None:
        self.rule, facts = rule, FACTS[rule.kind]
        super().__init__(*args, **{"initial": {}, **options})
        if facts.counts and not facts.timed:
            self.fields["threshold"] = forms.IntegerField(
                min_value=0,
                max_value=facts.most,
                required=False,
                label=_label(facts.counts),
                help_text=f"{facts.about} Empty: {facts.usual}." if facts.usual is not None else facts.about,
            )
        if facts.units:
            self.fields["unit"] = forms.ChoiceField(choices=[(unit, unit.label) for unit in AlertRule.Unit], label="Of")
        if facts.timed:
            self._add_leads(facts.notices)
        self._add_severity()
        self.initial.update({name: getattr(rule, name) for name in self.fields})
        self.add_scopes(rule, facts.scopes)

    def _add_leads(self, notices: Iterable[int]) -> None:
        usual = ", ".join(str(days) for days in notices)
        self.fields["lead_days"] = Days(
            required=False, label="Days before", help_text=f"It speaks at each of them. Empty: {usual}."
        )
        self.fields["rise_at_days"] = Days(
            required=False, label="More severe from", help_text="Days before at which severity rises one step each."
        )

    def _add_severity(self) -> None:
        self.fields["severity"] = forms.ChoiceField(choices=Severity.choices)
        self.fields["escalate_after_hours"] = forms.IntegerField(
            min_value=1,
            max_value=8760,
            required=False,
            label="More severe after hours",
            help_text="Severity rises one step each time so many hours pass and nobody acknowledges. Empty: never.",
        )
        self.fields["owner"] = forms.ModelChoiceField(
            people_who_act(), required=False, empty_label="Nobody in particular"
        )

    def filled(self) -> AlertRule:
        """The rule as it was entered; not saved."""
        for name, value in self.cleaned_data.items():
            setattr(self.rule, name, value)
        self.fill(self.rule)
        return self.rule


class OwnerForm(forms.Form):
    owner = forms.ModelChoiceField(User.objects.none(), required=False, empty_label="Nobody")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["owner"].queryset = people_who_act()  # type: ignore[attr-defined]


class SnoozeForm(forms.Form):
    """`until()` is None for "speak of it again"."""

    span = forms.ChoiceField(
        label="Snooze for",
        choices=[(key, words) for key, (words, _) in SNOOZES.items()] + [("", "Not at all")],
        required=False,
    )

    def until(self) -> datetime | None:
        span = self.cleaned_data["span"]
        return timezone.now() + SNOOZES[span][1] if span else None


class CommentForm(forms.Form):
    text = forms.CharField(label="Comment", max_length=COMMENT_LENGTH, widget=forms.Textarea(attrs={"rows": 3}))


class SavedFilterForm(forms.Form):
    name = forms.CharField(max_length=60, label="Save these filters as")
    query = forms.CharField(max_length=1000, widget=forms.HiddenInput, required=False)


def _label(counts: str) -> str:
    return {"days": "Days", "hours": "Hours", "licenses or percent": "Fewer free than"}[counts]


class DateTimeInput(forms.DateTimeInput):
    """Show the browser's own picker, in the time zone of the page."""

    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M")


class StartForm(forms.Form):
    """Correct the start of a clock. Its fields are named like the columns, so that refusals find them."""

    since = forms.DateTimeField(label="Started at", widget=DateTimeInput())
    since_reason = forms.CharField(
        label="Reason",
        max_length=REASON_LENGTH,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="How you know, for example the date in a mail from Cisco. The audit log keeps it.",
    )

    def __init__(self, row: Overage, data: Any = None) -> None:
        super().__init__(data, initial={"since": row.since, "since_reason": row.since_reason})
        self.fields["since"].help_text = f"Time zone: {timezone.get_current_timezone_name()}. Up to 5 years back."


class OverageForm(forms.Form):
    note = forms.CharField(
        required=False, widget=forms.Textarea(attrs={"rows": 3}), help_text="What is being done, and until when."
    )

    def __init__(self, row: Overage, data: Any = None) -> None:
        super().__init__(data, initial={"owner": row.owner_id, "note": row.note})
        able = Q(is_active=True) & ~Q(role=Role.VIEWER)
        self.fields["owner"] = forms.ModelChoiceField(
            queryset=User.objects.filter(able | Q(pk=row.owner_id)).order_by("email"),
            required=False,
            empty_label="Nobody",
        )
        self.order_fields(["owner", "note"])
