"""Pages that export the fleet as a file, and import one after a preview that changes nothing."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from kit.forms.pages import ASKED, INVALID, REFUSED
from kit.refusals import Refusal
from kit.templatetags.components import counted
from licensing.fleet.fleet_file import importing, upload_cache, writing
from licensing.fleet.fleet_file.planning import plan
from licensing.fleet.fleet_file.reading import COLUMNS, MAX_BYTES, decode, read
from people import audit
from people.gate import Need, needs

NUMBER_LENGTH = 9  # of a line: more than a file of that size can have
OVER = "The preview has expired, and nothing was imported. Choose the file again."


class FleetFileForm(forms.Form):
    file = forms.FileField(
        label="CSV file", allow_empty_file=True, widget=forms.FileInput(attrs={"accept": ".csv,.txt"})
    )


@needs(Need.READ)
def fleet_export(request: HttpRequest) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="fleet-{timezone.localdate():%Y-%m-%d}.csv"'}
    return HttpResponse(writing.write(), content_type="text/csv; charset=utf-8", headers=headers)


@needs(Need.OPERATE)
def fleet_import(request: HttpRequest) -> HttpResponse:
    """Show a preview of a file and keep the file. Its key, posted with the lines to leave out, imports it."""
    if "key" in request.POST:
        return _import(request, request.POST["key"])
    form, status = FleetFileForm(request.POST or None, request.FILES or None), ASKED
    if request.method == "POST":
        status = INVALID
        if form.is_valid():
            try:
                return _look_through(request, form)
            except Refusal as refusal:
                form.add_error("file", str(refusal))
    return render(request, "fleet/fleet_file/import.html", {"form": form, "columns": COLUMNS.items()}, status=status)


def _look_through(request: HttpRequest, form: FleetFileForm) -> HttpResponse:
    # One byte more than allowed is enough to refuse it: a huge file is not read whole.
    text = decode(form.cleaned_data["file"].read(MAX_BYTES + 1))
    return _preview(request, upload_cache.keep(request.user.pk or 0, text), text)


def _preview(request: HttpRequest, key: str, text: str, said: str = "") -> HttpResponse:
    context = {"plan": plan(read(text)), "key": key, "said": said}
    return render(request, "fleet/fleet_file/preview.html", context, status=REFUSED if said else ASKED)


def _import(request: HttpRequest, key: str) -> HttpResponse:
    text = upload_cache.find(request.user.pk or 0, key)
    if text is None:
        messages.error(request, OVER)
        return redirect("fleet-import")
    named = request.POST.get("leave_out", "").split(",")
    leave_out = [int(number) for number in named if number.isdecimal() and len(number) <= NUMBER_LENGTH]
    try:
        done = importing.carry_out(audit.actor_of(request), text, leave_out)
    except Refusal as refusal:
        return _preview(request, key, text, str(refusal))
    upload_cache.forget(key)
    left_out = f" {counted(done.left_out, 'bad line was,bad lines were')} left out." if done.left_out else ""
    messages.success(request, f"{counted(done.lines, 'line was,lines were')} imported.{left_out}")
    return redirect("clusters")
