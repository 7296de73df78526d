"""The page that waits for a request to Cisco: it asks again until a worker has Cisco's answer."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from licensing.operations import requests
from licensing.operations.requests import CiscoRequest


def request_of(request: HttpRequest, key: str) -> CiscoRequest:
    """Return the request to the user who asked, and to nobody else."""
    asked = requests.find(key)
    if asked is None:
        raise Http404
    if asked.user_id != request.user.pk:
        raise PermissionDenied("Another user started this request.")
    return asked


def request_page(
    request: HttpRequest, asked: CiscoRequest, folder: str, here: tuple[str, str], **context: Any
) -> HttpResponse:
    """Render the whole page, or only its part when the page polls. `here` is the list that it leads back to."""
    part = "request_answer.html" if request.htmx else "request.html"  # type: ignore[attr-defined]
    return render(
        request, f"mirror/{folder}/{part}", {"asked": asked, "waits": asked.waits, "crumbs": [here], **context}
    )
