"""The position of a customer or a cluster, as a section that its page includes."""

from datetime import date
from typing import Any

from django import template
from django.template import Context

from kit.refusals import Refusal
from licensing.figures.dates import open_books_of
from licensing.figures.forms.positions import AsOfForm
from licensing.figures.pages.positions import section
from licensing.figures.positions import Books, By, Position
from licensing.fleet.models import Cluster, Customer

register = template.Library()


@register.inclusion_tag("figures/positions/customer.html", takes_context=True)
def customer_position(context: Context, customer: Customer) -> dict[str, Any]:
    """Show what a customer holds, uses and owes, on the day that `?as_of=` names, and what each cluster uses."""
    shown = _shown(context, customer.pk)
    books: Books | None = shown["books"]
    if books is None:
        return shown
    clusters = books.clusters_of(customer.pk)
    return {
        **shown,
        "customer": customer,
        "section": section(books.of_customer(customer.pk)),
        "clusters": section(clusters, By.CLUSTER),
        "unmatched": sum(use.quantity for use in books.facts.use if not use.cluster),
    }


@register.inclusion_tag("figures/positions/cluster.html", takes_context=True)
def cluster_position(context: Context, cluster: Cluster) -> dict[str, Any]:
    """Show what a cluster uses and what is short for it, on the day that `?as_of=` names."""
    shown = _shown(context, cluster.customer_id)
    books: Books | None = shown["books"]
    rows: list[Position] = books.of_cluster(cluster.pk) if books else []
    return {**shown, "cluster": cluster, "section": section(rows)}


def _shown(context: Context, customer: int) -> dict[str, Any]:
    """Return the books of the day that the page was asked for, or the sentence that says why there are none."""
    request = context["request"]
    form = AsOfForm(request.GET if "as_of" in request.GET else None)
    day: date | None = form.cleaned_data["as_of"] if form.is_bound and form.is_valid() else None
    shown = {"request": request, "form": form, "day": day, "books": None, "refused": ""}
    if form.errors:
        return {**shown, "refused": " ".join(map(str, form.errors["as_of"]))}
    try:
        return {**shown, "books": open_books_of(day, customer=customer)}
    except Refusal as refusal:
        return {**shown, "refused": str(refusal)}
