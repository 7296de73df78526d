"""Choose partner, schema and routes by the host name.

Nothing else in the web process changes the search path.
"""

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import set_urlconf
from django_tenants.middleware.main import TenantMainMiddleware

from tenants.models import Partner


class PartnerMiddleware(TenantMainMiddleware):
    """Enter the partner of the request's host.

    Unknown hosts get a 404, and suspended partners a page that says so.
    """

    @staticmethod
    def hostname_from_request(request: HttpRequest) -> str:
        """Return the host name as the registry writes it: lower case, without port and closing dot."""
        host: str = TenantMainMiddleware.hostname_from_request(request)
        return host.lower().rstrip(".")

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        response: HttpResponse | None = super().process_request(request)
        partner: Partner | None = getattr(request, "tenant", None)
        if response is not None or partner is None:
            return response
        if not partner.active:
            return _refuse_partner(request, partner)
        return None

    def no_tenant_found(self, request: HttpRequest, hostname: str) -> HttpResponse:
        if request.path.startswith("/api/"):
            return _problem(404, "Unknown host", "No partner has this host name.")
        return render(request, "unknown_host.html", {"host": hostname}, status=404)

    @staticmethod
    def setup_url_routing(request: HttpRequest, force_public: bool = False) -> None:  # noqa: ARG004 - the library's
        provider = request.tenant.kind == Partner.Kind.PROVIDER  # type: ignore[attr-defined]
        request.urlconf = settings.PROVIDER_URLCONF if provider else settings.ROOT_URLCONF  # type: ignore[attr-defined]
        set_urlconf(request.urlconf)  # type: ignore[attr-defined]


def _refuse_partner(request: HttpRequest, partner: Partner) -> HttpResponse:
    """Answer for a partner that is suspended or not ready, without reading anything of its schema."""
    connection.set_schema_to_public()
    status = 503 if not partner.ready else 403
    if request.path.startswith("/api/"):
        title = "Not ready yet" if not partner.ready else "Suspended"
        return _problem(status, title, "This partner's portal is not available. Ask the provider.")
    return render(request, "suspended.html", {"partner": partner}, status=status)


def _problem(status: int, title: str, detail: str) -> JsonResponse:
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return JsonResponse(body, status=status, content_type="application/problem+json")
