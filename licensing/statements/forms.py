"""Forms of statements: the period to issue, mails, links, the letterhead, schedules and batches."""

from typing import Any

from django import forms
from django.utils import timezone

from kit.forms.scope_fields import Lines
from licensing.fleet.models import Customer
from licensing.statements import issuing, letterheads, links, verifying
from licensing.statements.models import Letterhead, StatementSchedule, last_month

DAY = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


def proposed_period() -> dict[str, Any]:
    """Return the last full month, which most statements are about."""
    start, end = last_month(timezone.now().date())
    return {"period_start": start, "period_end": end}


class PeriodForm(forms.Form):
    period_start = forms.DateField(label="From", widget=DAY)
    period_end = forms.DateField(label="To", widget=DAY, help_text="Included. Days are UTC days.")


class IssueForm(PeriodForm):
    customer = forms.ModelChoiceField(queryset=Customer.objects.all(), empty_label="Choose a customer")

    field_order = ("customer", "period_start", "period_end")


class CorrectionForm(PeriodForm):
    reason = forms.CharField(
        max_length=issuing.REASON_LENGTH, help_text="Printed on the new statement, for the customer to read."
    )


class MailForm(forms.Form):
    recipients = Lines(help_text="Email addresses, one per line.")
    subject = forms.CharField(max_length=300)
    text = forms.CharField(max_length=6000, widget=forms.Textarea(attrs={"rows": 10}))


class LinkForm(forms.Form):
    expires_after_days = forms.IntegerField(
        label="Expires after days", min_value=1, max_value=links.MOST_DAYS, initial=links.DEFAULT_DAYS
    )


class VerifyForm(forms.Form):
    number = forms.CharField(
        required=False,
        max_length=12,
        label="Number of the statement",
        widget=forms.TextInput(attrs={"placeholder": "2026-0001"}),
    )
    sha256 = forms.CharField(required=False, max_length=200, label="SHA-256 of the PDF")
    file = forms.FileField(
        required=False,
        label="Or choose the PDF",
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": ".pdf"}),
        help_text="The portal computes its SHA-256 and stores nothing.",
    )

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if not found.get("file") and not (found.get("number") and found.get("sha256")):
            raise forms.ValidationError("Enter number and SHA-256, or choose the PDF.")
        return found

    def verdict(self) -> verifying.Verdict:
        file = self.cleaned_data.get("file")
        if file:
            return verifying.by_file(file.read())
        return verifying.by_digest(self.cleaned_data["number"], self.cleaned_data["sha256"])


class LetterheadForm(forms.Form):
    name = forms.CharField(max_length=120, help_text=Letterhead._meta.get_field("name").help_text)
    address = forms.CharField(
        max_length=600, required=False, widget=forms.Textarea(attrs={"rows": 4}), help_text="Up to 6 lines."
    )
    note = forms.CharField(
        max_length=600,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=Letterhead._meta.get_field("note").help_text,
    )
    logo = forms.FileField(
        required=False,
        widget=forms.FileInput(attrs={"accept": ".png,.jpg,.jpeg,.svg"}),
        help_text="PNG, JPEG or SVG, at most 200 kB.",
    )
    remove_logo = forms.BooleanField(required=False, label="Remove the present logo")
    mail_subject = forms.CharField(max_length=200, required=False, label="Subject of mails")
    mail_text = forms.CharField(
        max_length=4000, required=False, label="Text of mails", widget=forms.Textarea(attrs={"rows": 8})
    )

    def __init__(self, *arguments: Any, has_logo: bool = False, **options: Any) -> None:
        super().__init__(*arguments, **options)
        known = ", ".join(f"{{{name}}}" for name in letterheads.PLACEHOLDERS)
        self.fields["mail_text"].help_text = f"Write it in the language of your customers. Placeholders: {known}."
        if not has_logo:
            del self.fields["remove_logo"]


class ScheduleForm(forms.ModelForm):
    """The verb checks the row."""

    recipients = Lines(help_text="Email addresses, one per line.")

    class Meta:
        model = StatementSchedule
        fields = StatementSchedule.OWN

    def _post_clean(self) -> None:
        """Nothing is written to the row here: the verb does."""


class BatchForm(PeriodForm):
    tag = forms.CharField(
        required=False, max_length=40, help_text="Only customers with this tag. Empty: all customers."
    )
    send_mails = forms.BooleanField(
        required=False,
        label="Send by mail",
        help_text="Each to the recipients of the customer's schedule. Customers without one get none.",
    )
