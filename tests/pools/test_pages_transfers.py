"""Pages of remedies, transfer plans, clocks and the worklist."""

import csv
import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_tenants.utils import tenant_context

from licensing.accounts.models import SmartAccount
from licensing.alerts import evaluation
from licensing.alerts.models import Overage
from licensing.mirror.models import License, VirtualAccount
from licensing.pools.models import TransferPlan, TransferStep
from licensing.pools.transfers import planning
from licensing.pools.transfers.planning import Wanted
from people.audit import Actor
from people.models import User
from tenants.models import Partner
from tests import factories as make

NAME = "Emergency Responder User License"


@pytest.fixture
def account(acme: Partner) -> SmartAccount:
    return make.make_smart_account(name="Acme Account")


@pytest.fixture
def short(account: SmartAccount) -> License:
    """5 are missing in South, 60 are free in North."""
    north = make.make_virtual_account(smart_account=account, name="North")
    south = make.make_virtual_account(smart_account=account, name="South")
    make.make_line(license=make.make_license(virtual_account=north, name=NAME, quantity=60, in_use=0), quantity=60)
    return make.make_license(virtual_account=south, name=NAME, quantity=20, in_use=25)


def text(response: Any) -> str:
    return " ".join(response.content.decode().split())


def plan_of(short: License, user: User | None = None) -> TransferPlan:
    north = License.objects.get(virtual_account__name="North")
    wanted = [Wanted(north, short.virtual_account, 5)]
    return planning.create(Actor(user, "somebody"), short.virtual_account.smart_account, wanted, "For South")


def test_red_light_leads_to_the_remedies(acme: Partner, short: License, client_of: Callable[..., Any]) -> None:
    evaluation.evaluate()
    client = client_of(acme, "viewer")
    link = f"/licenses/{short.pk}/remedies/"

    for page in ("/", f"/licenses/{short.pk}/", f"/alerts/{_alert_of(short)}/", "/overages/"):
        assert f'href="{link}"' in text(client.get(page)), page


def _alert_of(row: License) -> int:
    from licensing.alerts.models import Alert

    return Alert.objects.get(kind="out_of_compliance", subject_id=row.pk).pk


def test_remedies_say_what_each_does(acme: Partner, short: License, client_of: Callable[..., Any]) -> None:
    shown = text(client_of(acme, "viewer").get(f"/licenses/{short.pk}/remedies/"))

    assert "Move 8 free licenses here" in shown
    assert "3 of them are headroom." in shown
    assert "60 → 52" in shown
    assert "20 → 28" in shown
    assert "No alert opens or closes." in shown
    assert "Order 5 licenses" in shown
    assert "Make a transfer plan" not in shown


def test_operator_makes_a_plan_of_the_remedy(acme: Partner, short: License, client_of: Callable[..., Any]) -> None:
    client = client_of(acme, "operator")

    response = client.post(f"/licenses/{short.pk}/remedies/", {"scope": "license"})

    plan = TransferPlan.objects.get()
    assert (response.status_code, response.headers["Location"]) == (302, f"/transfer-plans/{plan.pk}/execute/")
    # 5 are missing, and 3 more are 10 percent of the 28 that South then owns.
    assert [(step.source.name, step.target.name, step.quantity) for step in plan.steps.all()] == [("North", "South", 8)]
    assert "Nothing has been sent yet" in text(client.get(f"/transfer-plans/{plan.pk}/"))


def test_operator_changes_the_quantity(acme: Partner, short: License, client_of: Callable[..., Any]) -> None:
    client, page = client_of(acme, "operator"), f"/licenses/{short.pk}/remedies/"
    north = License.objects.get(virtual_account__name="North")
    field = f"quantity-{north.pk}-{short.virtual_account_id}"
    assert f'name="{field}" value="8" min="0" max="60"' in text(client.get(page))

    for typed, words in (("61", "60 licenses of"), ("0", "Enter at least 1 license."), ("x", "Enter a whole number")):
        refused = client.post(page, {"scope": "license", field: typed})
        assert (refused.status_code, words in text(refused)) == (409, True)
        assert f'name="{field}" value="{typed}"' in text(refused), "what was typed stays"
    gone = client.post(page, {"scope": "license", f"quantity-{north.pk}-99999999": "5"})
    assert (gone.status_code, TransferPlan.objects.count()) == (409, 0)

    assert client.post(page, {"scope": "license", field: "11"}).status_code == 302
    assert TransferPlan.objects.get().steps.get().quantity == 11


def test_alerts_that_open_and_close_are_shown_before_the_move(
    acme: Partner, short: License, client_of: Callable[..., Any]
) -> None:
    evaluation.evaluate()
    client, plan = client_of(acme, "operator"), plan_of(short)

    for page in (f"/transfer-plans/{plan.pk}/", f"/transfer-plans/{plan.pk}/execute/"):
        shown = text(client.get(page))
        assert "<strong>Opens</strong>" in shown
        assert "0 free licenses out of 25 in South of Acme Account. The threshold is 10 percent." in shown
        assert "<strong>Closes</strong>" in shown
        assert f"License out of compliance: {NAME} in South" in shown


@pytest.mark.parametrize("scope", ["", "everything"])
def test_unknown_scope_is_refused(acme: Partner, short: License, client_of: Callable[..., Any], scope: str) -> None:
    response = client_of(acme, "operator").post(f"/licenses/{short.pk}/remedies/", {"scope": scope})

    assert response.status_code == 409
    assert "Use the buttons" in text(response)


def test_viewer_may_look_and_do_nothing(acme: Partner, short: License, client_of: Callable[..., Any]) -> None:
    client, plan = client_of(acme, "viewer"), plan_of(short)

    assert client.get(f"/transfer-plans/{plan.pk}/").status_code == 200
    for path in (
        f"/licenses/{short.pk}/remedies/",
        *(f"/transfer-plans/{plan.pk}/{verb}/" for verb in ("approve", "execute", "cancel")),
    ):
        assert client.post(path).status_code == 403
    assert TransferPlan.objects.get().state == "draft"


def test_move_by_hand_keeps_what_was_typed_when_refused(
    acme: Partner, short: License, client_of: Callable[..., Any]
) -> None:
    client = client_of(acme, "operator")
    north = License.objects.get(virtual_account__name="North")
    path = f"/licenses/{north.pk}/transfer/"

    refused = client.post(path, {"target": short.virtual_account_id, "quantity": 61, "reason": "All of it"})
    assert refused.status_code == 409
    assert "60 licenses of Emergency Responder User License are free in North, and 61 were to move." in text(refused)
    assert 'value="All of it"' in text(refused)

    client.post(path, {"target": short.virtual_account_id, "quantity": 60, "reason": "All of it"})
    assert TransferPlan.objects.get().steps.get().quantity == 60


def test_confirmation_names_what_goes_to_cisco_before_anything_is_sent(
    acme: Partner, globex: Partner, short: License, client_of: Callable[..., Any]
) -> None:
    plan, client = plan_of(short), client_of(acme, "operator")
    page, confirm = f"/transfer-plans/{plan.pk}/", f"/transfer-plans/{plan.pk}/execute/"
    domain = short.virtual_account.smart_account.domain

    for shown in (text(client.get(page)), text(client.get(f"/licenses/{short.pk}/remedies/"))):
        assert f'action="{confirm}"' not in shown, "no page sends with one click"
    asked = text(client.get(confirm))
    assert f"Move 5 {NAME} from North to South in {domain}" in asked
    assert "Send to Cisco" in asked
    assert client_of(globex, "operator").get(confirm).status_code == 404
    assert client_of(acme, "viewer").get(confirm).status_code == 403
    assert TransferPlan.objects.get().state == "draft"

    assert client.post(confirm).headers["Location"] == page
    assert TransferPlan.objects.get().state == "queued"
    assert "is queued already" in text(client.get(confirm, follow=True))


def test_confirmation_has_no_button_while_something_is_in_the_way(
    acme: Partner, short: License, client_of: Callable[..., Any]
) -> None:
    plan, client = plan_of(short), client_of(acme, "operator")
    TransferPlan.objects.update(needs_approval=True)

    shown = text(client.get(f"/transfer-plans/{plan.pk}/execute/"))

    assert "This plan is not approved yet." in shown
    assert "Send to Cisco</button>" not in shown
    assert client.post(f"/transfer-plans/{plan.pk}/execute/").status_code == 409
    assert TransferPlan.objects.get().state == "draft"


def test_author_cannot_approve_and_a_colleague_can(
    acme: Partner, short: License, client_of: Callable[..., Any], acme_users: dict[str, User]
) -> None:
    SmartAccount.objects.update(approve_transfers=True)
    short.refresh_from_db()
    plan = plan_of(
        License.objects.select_related("virtual_account__smart_account").get(pk=short.pk), acme_users["operator"]
    )
    operator, owner = client_of(acme, "operator"), client_of(acme, "owner")

    assert "has to approve it" in text(operator.get(f"/transfer-plans/{plan.pk}/"))
    assert "cannot approve it" in text(operator.post(f"/transfer-plans/{plan.pk}/approve/", follow=True))
    assert "Approved." in text(owner.post(f"/transfer-plans/{plan.pk}/approve/", follow=True))


def test_operator_settles_an_unclear_step(acme: Partner, short: License, client_of: Callable[..., Any]) -> None:
    plan = plan_of(short)
    step, figures = plan.steps.get(), {"source": {"quantity": 60}, "target": {"quantity": 20}}
    TransferPlan.objects.update(state="stopped")
    TransferStep.objects.update(state="unclear", before=figures, after={})
    client, page = client_of(acme, "operator"), f"/transfer-plans/{plan.pk}/"
    address = f"{page}steps/{step.pk}/settle/"
    assert address not in text(client.get(page)), "executing again reads back first"

    TransferStep.objects.update(after=figures)
    assert address in text(client.get(page))
    assert address not in text(client_of(acme, "viewer").get(page))
    client.post(address, {"moved": "perhaps"})
    assert client_of(acme, "viewer").post(address, {"moved": "yes"}).status_code == 403
    assert client.post(f"/transfer-plans/{plan.pk + 1}/steps/{step.pk}/settle/", {"moved": "yes"}).status_code == 404
    assert plan.steps.get().state == "unclear"

    client.post(address, {"moved": "no"})
    assert plan.steps.get().state == "waiting"
    assert "settled by hand: its licenses did not move" in text(client.get(page))


def test_without_a_broker_nothing_is_started(
    acme: Partner, short: License, client_of: Callable[..., Any], no_broker: None
) -> None:
    plan = plan_of(short)

    shown = text(client_of(acme, "operator").post(f"/transfer-plans/{plan.pk}/execute/", follow=True))

    assert "broker does not answer" in shown
    assert TransferPlan.objects.get().state == "draft"


def test_clock_is_shown_with_what_is_left(
    acme: Partner, short: License, client_of: Callable[..., Any], acme_users: dict[str, User]
) -> None:
    evaluation.evaluate()
    Overage.objects.update(since=timezone.now() - timedelta(days=81))
    client = client_of(acme, "operator")

    for page in ("/", f"/licenses/{short.pk}/", f"/licenses/{short.pk}/remedies/", "/overages/", "/licenses/"):
        assert "9 days left" in text(client.get(page)), page

    number = Overage.objects.get().pk
    owner = acme_users["owner"]
    client.post(f"/overages/{number}/edit/", {"owner": owner.pk, "note": "Ordered 20"})
    assert "Ordered 20" in text(client.get("/overages/"))
    assert "owner@acme.example" in text(client.get(f"/licenses/{short.pk}/"))


def test_worklist_leads_straight_to_what_settles_it(acme: Partner, account: SmartAccount, client_of: Any) -> None:
    here, planned = (make.make_virtual_account(smart_account=account, name=name) for name in ("Here", "Planned"))
    cluster = make.make_cluster(name="Core")
    make.make_assignment(cluster=cluster, virtual_account=planned)
    long_ago = timezone.now() - timedelta(days=60)
    found = make.make_instance({"X": 5}, virtual_account=here, cluster=cluster, last_contact_at=long_ago)
    client, address = client_of(acme, "operator"), f"/product-instances/{found.pk}"

    shown = text(client.get("/worklist/"))
    assert f'href="{address}/remove/">Remove it' in shown
    assert f'href="{address}/transfer/">Move it' in shown
    assert f'<option value="{planned.pk}" selected>' in text(client.get(f"{address}/transfer/"))
    assert f"{address}/remove/" not in text(client_of(acme, "viewer").get("/worklist/"))


def test_worklist_moves_no_product_into_another_smart_account(
    acme: Partner, account: SmartAccount, client_of: Any
) -> None:
    """Cisco moves it within one: there it registers anew, and that begins with a token."""
    far, cluster = make.make_virtual_account(name="Far"), make.make_cluster(name="Core")
    make.make_assignment(cluster=cluster, virtual_account=far)
    here = make.make_virtual_account(smart_account=account, name="Here")
    found = make.make_instance({"X": 5}, virtual_account=here, cluster=cluster)
    client, address = client_of(acme, "operator"), f"/registration-tokens/add/?virtual_account={far.pk}"

    shown = text(client.get("/worklist/"))

    assert f'href="{address}">Make a token' in shown
    assert f"/product-instances/{found.pk}/transfer/" not in shown
    assert f'<option value="{far.pk}" selected>' in text(client.get(address))
    VirtualAccount.objects.filter(pk=far.pk).update(gone_at=timezone.now())
    assert f'href="/clusters/{cluster.pk}/">Open cluster' in text(client.get("/worklist/"))


def test_worklist_as_a_file(
    acme: Partner, globex: Partner, account: SmartAccount, client_of: Callable[..., Any]
) -> None:
    with tenant_context(globex):
        make.make_instance(host_name="theirs.example")
    where = make.make_virtual_account(smart_account=account, name="=Pool")
    for number in range(60):
        make.make_instance({"X": 2}, virtual_account=where, host_name=f"host{number}.example")
    client = client_of(acme, "viewer")
    assert 'href="/worklist/?reason=unmatched&amp;format=csv"' in text(client.get("/worklist/?reason=unmatched&page=2"))

    response = client.get("/worklist/?format=csv&reason=unmatched&q=host")

    assert response.headers["Content-Disposition"].startswith('attachment; filename="worklist-')
    head, *lines = csv.reader(io.StringIO(response.content.decode()))
    assert head == ["Reason", "What", "Virtual account", "Licenses", "Why", "What to do", "As of"]
    assert (len(lines), lines[0][0], lines[0][2:4]) == (60, "No cluster fits", ["'=Pool", "2"])
    assert "theirs" not in response.content.decode()
    assert len(client.get("/worklist/?format=csv&reason=stranded").content.decode().splitlines()) == 1


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(("path", "statements"), [("/transfer-plans/", 8), ("/overages/", 8), ("/worklist/", 16)])
def test_statements_do_not_grow_with_the_rows(
    acme: Partner,
    account: SmartAccount,
    client_of: Callable[..., Any],
    django_assert_num_queries: Any,
    rows: int,
    path: str,
    statements: int,
) -> None:
    for _ in range(rows):
        row = make.make_license(virtual_account=make.make_virtual_account(smart_account=account), quantity=3, in_use=5)
        make.make_instance({row.name: 5}, virtual_account=row.virtual_account)
        TransferPlan.objects.create(smart_account=account)
    evaluation.evaluate()
    client = client_of(acme, "viewer")
    client.get(path)

    with django_assert_num_queries(statements):
        assert client.get(path).status_code == 200


def test_lists_show_only_the_own_partners_rows(
    acme: Partner, globex: Partner, short: License, client_of: Callable[..., Any]
) -> None:
    with tenant_context(globex):
        row = make.make_license(name="Theirs", quantity=3, in_use=5)
        make.make_instance({"Theirs": 5}, virtual_account=row.virtual_account, host_name="theirs.example")
        evaluation.evaluate()
        TransferPlan.objects.create(smart_account=row.virtual_account.smart_account, reason="theirs")

    client = client_of(acme, "viewer")
    for page in ("/transfer-plans/", "/overages/", "/worklist/"):
        assert "theirs" not in text(client.get(page)).lower(), page
