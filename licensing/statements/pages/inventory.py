"""HCM-F's service inventory of the whole partner, for billing scripts."""

from datetime import date

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.utils import timezone
from django.views.decorators.http import require_safe

from kit import files
from kit.refusals import Refusal
from licensing.statements.content import figures, inventory, period
from people.gate import Need, needs


@require_safe
@needs(Need.READ)
def service_inventory(request: HttpRequest) -> HttpResponse:
    """Return the lines as they were at the end of `?as_of=`, a UTC day; without it, as they are now."""
    try:
        day = date.fromisoformat(request.GET["as_of"]) if request.GET.get("as_of") else timezone.now().date()
        at = period.check(day, day).at
    except ValueError:
        return HttpResponseBadRequest("Enter as_of as a day, such as 2026-06-30.", content_type="text/plain")
    except Refusal as refusal:
        return HttpResponseBadRequest(str(refusal), content_type="text/plain; charset=utf-8")
    text = inventory.of_partner(figures.read(at))
    return files.download(text, "text/plain; charset=utf-8", f"service-inventory-{day:%Y-%m-%d}.txt")
