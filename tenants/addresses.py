"""Return the address of a partner's portal, for links in mails, calendars and webhooks."""

from django.conf import settings
from django.db import connection

from tenants.models import Domain, Partner


def base_address() -> str:
    """Return `https://host` of the present partner's primary domain, with a port that is not the usual one."""
    rows = Domain.objects.filter(tenant__schema_name=connection.schema_name)
    host = rows.order_by("-is_primary", "domain").values_list("domain", flat=True).first() or "localhost"
    port = f":{settings.PUBLIC_PORT}" if settings.PUBLIC_PORT else ""
    return f"{'https' if settings.HTTPS else 'http'}://{host}{port}"


def partner_name() -> str:
    """Return the name of the present partner, as the provider entered it."""
    rows = Partner.objects.filter(schema_name=connection.schema_name)
    return rows.values_list("name", flat=True).first() or "Partner"
