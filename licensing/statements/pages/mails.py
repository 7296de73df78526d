"""Send a statement by mail, and send one that failed again."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from kit.forms.pages import DONE, attempt, form_page
from kit.refusals import Refusal
from kit.templatetags.components import counted
from licensing.statements.forms import MailForm
from licensing.statements.mails import composing, sending
from licensing.statements.models import Statement, StatementMail, StatementSchedule
from licensing.statements.pages.statements import HERE
from people import audit
from people.gate import Need, needs


@needs(Need.OPERATE)
def statement_send(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for recipients and text. Both are proposed: from the schedule of the customer, and from the letterhead."""
    found = get_object_or_404(Statement, pk=pk)
    subject, text = composing.propose(found)
    initial = {"recipients": _recipients(found), "subject": subject, "text": text}
    form = MailForm(request.POST or None, initial=initial)
    actor = audit.actor_of(request)
    status, made = attempt(request, form, lambda: sending.request(actor, found, **form.cleaned_data))
    if status == DONE and made is not None:
        messages.success(request, f"{counted(len(made), 'mail,mails')} queued. This page shows what becomes of them.")
        return redirect("statement", pk)
    address = reverse("statement", args=[pk])
    return form_page(
        request,
        form,
        heading=f"Send {str(found).lower()} by mail",
        submit="Send mail",
        cancel=address,
        crumbs=[HERE, (found.number, address)],
        status=status,
        template="statements/mails/send.html",
        statement=found,
    )


@require_POST
@needs(Need.OPERATE)
def statement_mail_again(request: HttpRequest, pk: int, mail: int) -> HttpResponse:
    try:
        sending.send_again(audit.actor_of(request), get_object_or_404(StatementMail, pk=mail, statement=pk))
        messages.success(request, "The mail is queued again.")
    except Refusal as refusal:
        messages.error(request, str(refusal))
    return redirect("statement", pk)


def _recipients(statement: Statement) -> list[str]:
    rows = StatementSchedule.objects.filter(customer=statement.customer_id)
    return rows.values_list("recipients", flat=True).first() or []
