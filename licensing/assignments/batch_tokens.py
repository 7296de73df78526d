"""Renew the registration tokens that planned batches will need."""

import logging
from datetime import timedelta

from django.utils import timezone

from kit.refusals import Refusal
from licensing.accounts.models import SmartAccount
from licensing.assignments import mixed_mode
from licensing.assignments.models import AssignmentBatch
from licensing.cisco.errors import CssmError
from licensing.fleet.models import ClusterAccess
from licensing.mirror import tokens

log = logging.getLogger(__name__)
# A window that ends later is looked at later: no token lasts as long.
TOKENS_REACH = timedelta(days=tokens.MAX_DAYS - 1)


def renew_tokens(account: SmartAccount) -> None:
    """After each sync, while Cisco answers: what a planned batch will register with lasts until its window's end.

    Only for clusters that are registered without a person. Where a token with export control stands none is made: the
    run of mixed mode wants it alone.
    """
    planned = AssignmentBatch.objects.filter(
        virtual_account__smart_account=account, virtual_account__gone_at=None, kind=AssignmentBatch.Kind.ASSIGN,
        state__in=(AssignmentBatch.State.PLANNED, AssignmentBatch.State.RUNNING), clusters__tried_at=None,
        clusters__cluster__mixed_mode=False, clusters__cluster__managed_on_premise=False,
        clusters__cluster__access__method=ClusterAccess.Method.AXL,
        window_end__range=(timezone.now(), timezone.now() + TOKENS_REACH),
    )  # fmt: skip
    for batch in planned.distinct().select_related("virtual_account__smart_account__license_server"):
        if mixed_mode.the_token(batch.virtual_account) is None:
            _renew(batch)


def _renew(batch: AssignmentBatch) -> None:
    try:
        tokens.usable_for(batch.virtual_account, export_controlled=False, at=batch.window_end)
    except (Refusal, CssmError) as error:  # its registration tries again, and says so
        log.warning("No token could be made for the batch %s: %s", batch.pk, error.message)
