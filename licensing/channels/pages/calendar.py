"""The calendar feed of due dates: its secret address, and the feed itself."""

import hashlib

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from licensing.channels import calendar as due_dates
from licensing.channels.models import CalendarFeed
from people import audit
from people.gate import Need, needs
from people.models import User


@needs(Need.READ)
@never_cache
def calendar(request: HttpRequest) -> HttpResponse:
    """Everybody their own address: posting makes a new one, shown in the answer; `revoke` takes it back."""
    user, address = request.user, ""
    assert isinstance(user, User)
    if request.method == "POST" and "revoke" in request.POST:
        due_dates.revoke_link(audit.actor_of(request), user)
        messages.success(request, "The address was revoked. Calendars that ask for it get nothing any more.")
        return redirect("calendar")
    if request.method == "POST":
        secret = due_dates.new_link(audit.actor_of(request), user)
        address = request.build_absolute_uri(reverse("calendar-feed", args=[secret]))
    feed = CalendarFeed.objects.filter(user=user).first()
    return render(request, "channels/calendar/calendar.html", {"feed": feed, "address": address})


@login_not_required
@require_safe
def calendar_feed(request: HttpRequest, secret: str) -> HttpResponse:
    """Serve the calendar to programs, which do not sign in. An unknown or revoked address is not found."""
    feed = due_dates.feed_of(secret)
    if feed is None:
        raise Http404("This calendar address is not known, or was revoked.")
    due_dates.used(feed, timezone.now())
    tenant = getattr(request, "tenant", None)
    content = due_dates.render(getattr(tenant, "name", "Portal"), f"{request.scheme}://{request.get_host()}")
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    if request.headers.get("If-None-Match") == tag:
        return HttpResponse(status=304, headers={"ETag": tag})
    headers = {
        "ETag": tag,
        "Cache-Control": "private, max-age=300",
        "Content-Disposition": 'inline; filename="due-dates.ics"',
    }
    return HttpResponse(content, content_type="text/calendar; charset=utf-8", headers=headers)
