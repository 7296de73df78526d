"""Pages without a sign-in: check a statement, and read one by an expiring link.

They show no navigation, read no session, and stay out of search engines.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from licensing.statements import links, wording
from licensing.statements.forms import VerifyForm
from licensing.statements.models import StatementLink
from licensing.statements.pages.statements import file_of, logo_of

GONE = "This link is not known, has expired or was revoked. Ask for a new one."


def private(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Keep an answer out of caches and search engines, and its address out of the Referer of links."""

    @wraps(view)
    def answer(request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponse:
        response = view(request, *arguments, **named)
        response.headers["X-Robots-Tag"] = "noindex, nofollow"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    return login_not_required(never_cache(answer))


@csrf_exempt  # it changes nothing, and programs may ask too
@private
@require_http_methods(["GET", "HEAD", "POST"])
def statement_verify(request: HttpRequest) -> HttpResponse:
    """Check number and SHA-256, or a PDF. The answer names the number and the day of issue, and nothing else."""
    posted = request.method == "POST"
    form = VerifyForm(request.POST, request.FILES) if posted else VerifyForm(initial=request.GET.dict())
    context: dict[str, Any] = {"form": form}
    status = 200
    if posted and form.is_valid():
        context["verdict"] = form.verdict()
    elif posted:
        status = 422
    return render(request, "statements/public/verify.html", context, status=status)


@private
@require_safe
def statement_shared(request: HttpRequest, secret: str) -> HttpResponse:
    """Show the statement of a link, read-only."""
    link = _find(secret)
    context = {
        "link": link,
        "statement": link.statement,
        "words": wording.words(link.statement.content),
        "later": getattr(link.statement, "corrected_by", None),
        "base": request.path,
    }
    return render(request, "statements/public/shared.html", context)


@private
@require_safe
def statement_shared_file(request: HttpRequest, secret: str, format: str) -> HttpResponse:  # noqa: A002
    return file_of(_find(secret).statement, format)


@private
@require_safe
def statement_shared_logo(request: HttpRequest, secret: str) -> HttpResponse:
    return logo_of(_find(secret).statement)


def _find(secret: str) -> StatementLink:
    link = links.find(secret)
    if link is None:
        raise Http404(GONE)
    links.note_use(link, timezone.now())
    return link
