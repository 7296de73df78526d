"""The gated run of a cluster in mixed mode, one virtual account at a time."""

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from kit.broker import BrokerUnavailable
from kit.forms.fields import PoolField
from kit.refusals import Refusal
from licensing.assignments import mixed_mode
from licensing.assignments.models import Assignment
from licensing.fleet.models import Cluster
from licensing.mirror.models import ProductInstance, VirtualAccount
from licensing.operations import syncing
from people.audit import actor_of
from people.gate import Need, needs


class PoolChoiceForm(forms.Form):
    """Where the cluster is to go."""

    def __init__(self, pools: QuerySet[VirtualAccount], *args: object, **options: object) -> None:
        super().__init__(*args, **options)  # type: ignore[arg-type]
        self.fields["virtual_account"] = PoolField(queryset=pools, label="Virtual account")


@needs(Need.READ, write=Need.OPERATE)
def cluster_mixed_mode(request: HttpRequest, pk: int) -> HttpResponse:
    """`?virtual_account=`: where it is to go. Posting starts a sync of its smart account and comes back here."""
    cluster = get_object_or_404(Cluster.objects.select_related("customer"), pk=pk)
    pools = VirtualAccount.objects.present().serving().select_related("smart_account")
    form = PoolChoiceForm(pools.order_by("smart_account__name", "name"), request.GET or None)
    pool = form.cleaned_data["virtual_account"] if form.is_bound and form.is_valid() else _usual(cluster, pools)
    if request.method == "POST" and pool is not None:
        _sync(request, pool)
        return redirect(f"{reverse('cluster-mixed-mode', args=[pk])}?virtual_account={pool.pk}")
    if not form.is_bound:
        form.initial["virtual_account"] = pool
    context = {"cluster": cluster, "pool": pool, "form": form, **(_run(cluster, pool) if pool else {})}
    return render(request, "assignments/mixed_mode/mixed_mode.html", context)


def _run(cluster: Cluster, pool: VirtualAccount) -> dict[str, object]:
    # Before the gates: a sync that ends between the two is still waited for, and the page then read anew.
    run = pool.smart_account.sync_runs.first()
    gates = mixed_mode.gates(cluster, pool)
    here = ProductInstance.objects.present().filter(cluster=cluster, virtual_account=pool)
    return {
        "gates": gates,
        "unlocked": all(gate.open for gate in gates),
        "tokens": pool.registration_tokens.present(),
        "account": pool.smart_account,
        "run": run,
        "assigned": Assignment.objects.current().filter(cluster=cluster).select_related("virtual_account").first(),
        "instance": here.first(),
    }


def _usual(cluster: Cluster, pools: QuerySet[VirtualAccount]) -> VirtualAccount | None:
    """Where it is assigned; else the only operational one."""
    current = Assignment.objects.current().filter(cluster=cluster).first()
    if current:
        return pools.filter(pk=current.virtual_account_id).first()
    operational = list(pools.filter(purpose="operational")[:2])
    return operational[0] if len(operational) == 1 else None


def _sync(request: HttpRequest, pool: VirtualAccount) -> None:
    try:
        syncing.start_sync(pool.smart_account, str(actor_of(request).label))
    except (Refusal, BrokerUnavailable) as error:
        messages.error(request, str(error))
