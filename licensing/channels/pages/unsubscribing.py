"""The link in a mail by which its recipient ends the mails, without signing in."""

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from licensing.channels import channels
from licensing.channels.delivery import mail
from licensing.channels.models import Channel


@login_not_required
@csrf_exempt  # mail programs post here by themselves (RFC 8058); the signature is what counts
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, signed: str) -> HttpResponse:
    """Looking asks, posting does it: what only follows links changes nothing."""
    read = mail.read_unsubscribe(signed)
    if read is None:
        raise Http404("This link is not one of ours, or it is not whole.")
    channel_uuid, recipient = read
    if request.method == "POST":
        channels.unsubscribe(channel_uuid, recipient)
    channel = Channel.objects.filter(uuid=channel_uuid).first()
    context = {"recipient": recipient, "done": request.method == "POST" or channel is None}
    return render(request, "channels/channels/unsubscribe.html", context)
