"""The page that waits for an errand: it asks again until a worker has Cisco's answer."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from licensing.operations import requests
from licensing.operations.requests import Errand


def errand_of(request: HttpRequest, key: str) -> Errand:
    """For who asked alone."""
    errand = requests.find(key)
    if errand is None:
        raise Http404
    if errand.user_id != request.user.pk:
        raise PermissionDenied("Somebody else asked for this.")
    return errand


def errand_page(
    request: HttpRequest, errand: Errand, folder: str, here: tuple[str, str], **context: Any
) -> HttpResponse:
    """The whole page, or its part where the page asks again. `here`: the list that it leads back to."""
    part = "errand_answer.html" if request.htmx else "errand.html"  # type: ignore[attr-defined]
    waits = requests.waits(errand)
    return render(request, f"{folder}/{part}", {"errand": errand, "waits": waits, "crumbs": [here], **context})
