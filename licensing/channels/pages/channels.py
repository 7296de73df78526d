"""Channels: whom the portal tells, and what it has told."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django_htmx.http import HttpResponseClientRefresh

from kit.broker import BrokerUnavailable
from kit.forms.pages import DONE, attempt, confirm_page, form_page
from kit.lists import Empty, list_page
from kit.refusals import Refusal
from licensing.alerts import scopes
from licensing.alerts.models import Alert
from licensing.channels import channels as verbs
from licensing.channels.filters import ChannelFilter, DeliveryFilter
from licensing.channels.forms import ChannelForm
from licensing.channels.models import Channel, Delivery, Notice
from licensing.channels.tables import ChannelTable, DeliveryTable, channel_badge, where_to
from licensing.channels.templatetags.deliveries import delivery_badge
from people import audit
from people.gate import Need, needs

HERE, DELIVERIES = ("Channels", "/channels/"), ("Deliveries", "/deliveries/")
SHOWN_ALERTS = 50
KINDS = [
    (Channel.Kind.MAIL.value, "Mail", "to people, in any domain"),
    (Channel.Kind.WEBHOOK.value, "Webhook", "a signed call to a program of yours"),
    (Channel.Kind.APPRISE.value, "Other service", "Slack, Teams, Webex, PagerDuty and others"),
]


@needs(Need.OWN)
def channels(request: HttpRequest) -> HttpResponse:
    empty = Empty(
        "send",
        "No channels yet",
        "Add a channel, and alerts come by mail, to a program or into a chat.",
        reverse("channel-add"),
        "Add channel",
    )
    return list_page(
        request,
        "channels/channels/channels.html",
        ChannelFilter(request.GET, queryset=Channel.objects.all()),
        ChannelTable,
        noun=("channel", "channels"),
        empty=empty,
        heading="Channels",
    )


@needs(Need.OWN)
def channel(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(Channel, pk=pk)
    context = {
        "channel": row,
        "state": channel_badge(row),
        "where": where_to(row),
        "scopes": scopes.named(row),
        "kinds": verbs.kind_names(row),
        "deliveries": [(item, delivery_badge(item)) for item in row.deliveries.all()[:10]],
        "receipt": _receipt(row, request.GET.get("test", "")),
    }
    return render(request, "channels/channels/channel.html", context)


@needs(Need.OWN)
@never_cache
def channel_add(request: HttpRequest) -> HttpResponse:
    """`?kind=webhook`, `?kind=apprise`: each kind has its own fields. A webhook's secret is shown in the answer."""
    kind = request.GET.get("kind", "")
    row = Channel(kind=kind if kind in Channel.Kind.values else Channel.Kind.MAIL)
    form = ChannelForm(request.POST or None, instance=row)
    status, secret = attempt(request, form, lambda: _save(request, form, None))
    if status == DONE and secret:
        return _secret_once(request, row, secret)
    if status == DONE:
        messages.success(request, f"{row.name} was added. Test it to see whether it works.")
        return redirect("channel", row.pk)
    return form_page(
        request,
        form,
        heading="Add a channel",
        submit="Add channel",
        cancel=HERE[1],
        crumbs=[HERE],
        template="channels/channels/add.html",
        status=status,
        kind=row.kind,
        kinds=KINDS,
    )


@needs(Need.OWN)
def channel_edit(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(Channel, pk=pk)
    name, address, before = row.name, reverse("channel", args=[pk]), audit.snapshot(row)
    form = ChannelForm(request.POST or None, instance=row)
    status, _ = attempt(request, form, lambda: _save(request, form, before))
    if status == DONE:
        messages.success(request, f"{row.name} was saved.")
        return redirect(address)
    crumbs = [HERE, (name, address)]
    return form_page(
        request,
        form,
        heading=f"Edit {name}",
        cancel=address,
        crumbs=crumbs,
        status=status,
        template="channels/channels/edit.html",
    )


@needs(Need.OWN)
def channel_test(request: HttpRequest, pk: int) -> HttpResponse:
    """Posting sends a test message; `?test=` shows its receipt, which is fetched from here until it is whole."""
    row = get_object_or_404(Channel, pk=pk)
    address = reverse("channel", args=[pk])
    if request.method != "POST":
        receipt = _receipt(row, request.GET.get("test", ""))
        if not request.htmx:  # type: ignore[attr-defined]
            return redirect(f"{address}?{request.GET.urlencode()}")
        if receipt and not receipt["waits"]:
            return HttpResponseClientRefresh()  # state and last deliveries of the page have changed with it
        return render(request, "channels/channels/receipt.html", {"channel": row, "receipt": receipt})
    try:
        message = verbs.test(audit.actor_of(request), row)[0].message
    except (Refusal, BrokerUnavailable) as error:
        messages.error(request, str(error))
        return redirect(address)
    return redirect(f"{address}?test={message}")


@needs(Need.OWN)
@never_cache
def channel_secret(request: HttpRequest, pk: int) -> HttpResponse:
    """A new signing secret, shown in the answer to the post alone."""
    row = get_object_or_404(Channel, pk=pk, kind=Channel.Kind.WEBHOOK)
    address, made = reverse("channel", args=[pk]), []
    page = confirm_page(
        request,
        lambda: made.append(verbs.rotate_secret(audit.actor_of(request), row)),
        heading=f"New signing secret for {row}?",
        consequences=["Calls are signed with the new one from now on.", "The receiver must know it before it checks."],
        confirm="Make a new secret",
        cancel=address,
        crumbs=[HERE, (row.name, address)],
    )
    return page or _secret_once(request, row, made[0])


@needs(Need.OWN)
def channel_delete(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(Channel, pk=pk)
    address, name = reverse("channel", args=[pk]), row.name
    page = confirm_page(
        request,
        lambda: verbs.delete_channel(audit.actor_of(request), row),
        heading=f"Delete {name}?",
        consequences=["Nobody is told through it any more.", "The record of what it has told goes with it."],
        confirm="Delete channel",
        cancel=address,
        crumbs=[HERE, (name, address)],
    )
    if page is None:
        messages.success(request, f"{name} was deleted.")
    return page or redirect("channels")


@needs(Need.OWN)
def deliveries(request: HttpRequest) -> HttpResponse:
    rows = Delivery.objects.select_related("channel").annotate(attempt_count=Count("attempts"))
    rows = rows.defer("text", "html", "body")
    empty = Empty("inbox", "Nothing has been told yet", "Each message to each recipient is listed here.")
    return list_page(
        request,
        "channels/channels/deliveries.html",
        DeliveryFilter(request.GET, queryset=rows),
        DeliveryTable,
        noun=("delivery", "deliveries"),
        empty=empty,
        heading="Deliveries",
    )


@needs(Need.OWN)
def delivery(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(Delivery.objects.select_related("channel"), pk=pk)
    told = Alert.objects.filter(pk__in=Notice.objects.filter(message=row.message).values("alert")).by_urgency()
    context = {
        "delivery": row,
        "state": delivery_badge(row),
        "attempts": row.attempts.all(),
        "alerts": told[:SHOWN_ALERTS],
        "content": row.text or row.body,
    }
    return render(request, "channels/channels/delivery.html", context)


@needs(Need.OWN)
def delivery_send_again(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(Delivery.objects.select_related("channel"), pk=pk)
    if request.method == "POST":
        try:
            verbs.send_again(audit.actor_of(request), row)
            messages.success(request, "It is being sent again, with the content and the id that it had.")
        except Refusal as refusal:
            messages.error(request, str(refusal))
    return redirect("delivery", pk)


def _save(request: HttpRequest, form: ChannelForm, before: dict[str, Any] | None) -> str:
    return verbs.save_channel(audit.actor_of(request), form.filled(), before, url=form.cleaned_data.get("url", ""))


def _secret_once(request: HttpRequest, row: Channel, secret: str) -> HttpResponse:
    """Answers the post itself: a redirect would need the secret to be kept somewhere in the clear."""
    address = reverse("channel", args=[row.pk])
    context = {"channel": row, "secret": secret, "crumbs": [HERE, (row.name, address)], "address": address}
    return render(request, "channels/channels/secret.html", context)


def _receipt(row: Channel, message: str) -> dict[str, Any] | None:
    """Return what became of a test: its deliveries with their attempts, and whether some are still under way."""
    try:
        number = UUID(message)
    except ValueError:
        return None
    rows = list(row.deliveries.filter(message=number).prefetch_related("attempts"))
    if not rows:
        return None
    waits = any(item.state == Delivery.State.WAITING for item in rows)
    return {"message": number, "rows": [(item, delivery_badge(item)) for item in rows], "waits": waits}
