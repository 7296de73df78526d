"""Choose two days or two sync runs to compare."""

from typing import Any

from django import forms
from django.db.models import F
from django.utils import timezone
from django.utils.dateformat import format as date_format

from kit.refusals import Refusal
from kit.rest.fields import MAX_ID
from kit.wording import counted
from licensing.accounts.models import SmartAccount
from licensing.mirror.models import SyncRun

RUNS_OFFERED = 50


class DayInput(forms.DateInput):
    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class DaysForm(forms.Form):
    """Two days. Each stands for how things were at its end."""

    start = forms.DateField(
        required=False, label="From the end of (UTC)", input_formats=["%Y-%m-%d"], widget=DayInput()
    )
    end = forms.DateField(required=False, label="To the end of (UTC)", input_formats=["%Y-%m-%d"], widget=DayInput())
    smart_account = forms.ModelChoiceField(
        required=False, queryset=SmartAccount.objects.all(), label="Smart account", empty_label="All"
    )


class RunsForm(forms.Form):
    """An earlier sync run to compare with `second_run`."""

    first_run = forms.IntegerField(
        required=False, min_value=1, max_value=MAX_ID, label="Earlier sync", widget=forms.Select()
    )
    second_run = forms.IntegerField(required=False, min_value=1, max_value=MAX_ID, widget=forms.HiddenInput())

    def __init__(self, data: Any, run: SyncRun | None) -> None:
        super().__init__(data, initial={"second_run": run.pk if run else None})
        self.fields["first_run"].widget.choices = list(_earlier(run)) if run else []


def add_refusal(form: forms.Form, refusal: Refusal) -> None:
    """Show a refusal at its field, or at the top of the form where that field is hidden or not its own."""
    shown = refusal.field in form.fields and not form[refusal.field].is_hidden
    form.add_error(refusal.field if shown else None, str(refusal))


def mark_required(form: forms.Form) -> None:
    """Show which fields are needed. The fields accept nothing, as `compare` says what is missing."""
    for name in {"start", "end", "first_run"} & set(form.fields):
        form.fields[name].required = True


def _earlier(run: SyncRun) -> Any:
    """Yield the sync runs of the same account that succeeded before, the latest first."""
    runs = SyncRun.objects.filter(smart_account=run.smart_account_id, status=SyncRun.Status.SUCCEEDED, pk__lt=run.pk)
    number = F("created") + F("changed") + F("gone") + F("back")
    for pk, moment, changes in runs.order_by("-pk").values_list("pk", "finished_at", number)[:RUNS_OFFERED]:
        when = date_format(timezone.localtime(moment), "j M Y, H:i T") if moment else f"Sync run {pk}"
        yield pk, f"{when} ({counted(changes, 'change')})"
