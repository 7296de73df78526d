"""Links that show one statement without a sign-in: made and revoked here."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from kit.forms.pages import DONE, attempt, form_page
from licensing.statements import links
from licensing.statements.forms import LinkForm
from licensing.statements.models import Statement, StatementLink
from licensing.statements.pages.statements import HERE
from people import audit
from people.gate import Need, needs


@never_cache
@needs(Need.OPERATE)
def statement_link_add(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a link, and show its address this one time."""
    found = get_object_or_404(Statement.objects.plain(), pk=pk)
    form = LinkForm(request.POST or None, initial={"expires_after_days": links.DEFAULT_DAYS})
    status, made = attempt(
        request, form, lambda: links.make(audit.actor_of(request), found, form.cleaned_data["expires_after_days"])
    )
    if status == DONE and made is not None:
        link, path = made
        context = {"statement": found, "link": link, "address": request.build_absolute_uri(path)}
        return render(request, "statements/links/made.html", context)
    address = reverse("statement", args=[pk])
    return form_page(
        request,
        form,
        heading=f"Make a link to {str(found).lower()}",
        submit="Make link",
        cancel=address,
        crumbs=[HERE, (found.number, address)],
        status=status,
        template="statements/links/add.html",
    )


@require_POST
@needs(Need.OPERATE)
def statement_link_revoke(request: HttpRequest, pk: int, link: int) -> HttpResponse:
    links.revoke(audit.actor_of(request), get_object_or_404(StatementLink, pk=link, statement=pk))
    messages.success(request, "The link was revoked. It shows nothing any more.")
    return redirect("statement", pk)
