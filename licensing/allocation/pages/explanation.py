"""Show the explanation of a license: as a part of the virtual account's page, and on a page of its own."""

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from licensing.allocation import explanation
from licensing.allocation.explanation import KNOWN_CAUSES, Explained
from licensing.allocation.license_names import CURRENT
from licensing.mirror.models import InstanceUsage, License
from people.gate import Need, needs

INSTANCES_SHOWN = 25


@needs(Need.READ)
def license_explained(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(License.objects.select_related("virtual_account__smart_account"), pk=pk)
    context = {
        "license": row,
        "account": row.virtual_account.smart_account,
        "explained": explanation.explain_license(row),
        "known_causes": KNOWN_CAUSES,
    }
    if found := context["explained"]:
        uses = uses_of(row, found)
        context["uses"] = uses.select_related("product_instance__cluster__customer")[:INSTANCES_SHOWN]
        context["use_count"] = uses.count()
    part = "explained_part" if request.htmx else "explained"  # type: ignore[attr-defined]
    return render(request, f"allocation/licenses/{part}.html", context)


@needs(Need.READ)
def allocation_rules(request: HttpRequest) -> HttpResponse:
    """Show Cisco's families and Table 1, as the engine has them (docs/domain.md#allocation)."""
    context = {
        "rules": CURRENT,
        "mapping": [(_name_tag(tag), [_name_tag(parent) for parent in CURRENT.parents(tag)]) for tag in _mapped_tags()],
        "families": [(family, [_name_tag(tag) for tag in family.tags]) for family in CURRENT.families],
    }
    return render(request, "allocation/licenses/rules.html", context)


def _mapped_tags() -> list[str]:
    return sorted(CURRENT.mapping, key=CURRENT.rank)


def _name_tag(tag: str) -> dict[str, str]:
    return {"tag": tag, "name": CURRENT.display_name(tag)}


def uses_of(row: License, found: Explained) -> QuerySet[InstanceUsage]:
    """Return the requests behind the demand, the largest first."""
    by_name = Q(license__name__in=found.names) | Q(license=None, license_name__in=found.names)
    uses = InstanceUsage.objects.filter(by_name, product_instance__virtual_account=row.virtual_account_id)
    return uses.filter(product_instance__gone_at=None, quantity__gt=0).order_by("-quantity", "pk")
