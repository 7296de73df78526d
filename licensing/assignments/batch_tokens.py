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
# A window that ends later is handled by a later sync, because no token lasts that long.
TOKENS_REACH = timedelta(days=tokens.MAX_DAYS - 1)


def renew_tokens(account: SmartAccount) -> None:
    """Make sure that each planned batch has a token that lasts until its window ends. Runs after each sync.

    This concerns only clusters that are registered without a person. A virtual account that holds a token with export
    control gets no other: the mixed-mode run needs that token to be the only one.
    """
    planned = AssignmentBatch.objects.filter(
        virtual_account__smart_account=account,
        virtual_account__gone_at=None,
        kind=AssignmentBatch.Kind.ASSIGN,
        state__in=(AssignmentBatch.State.PLANNED, AssignmentBatch.State.RUNNING),
        clusters__tried_at=None,
        clusters__cluster__mixed_mode=False,
        clusters__cluster__managed_on_premise=False,
        clusters__cluster__access__method=ClusterAccess.Method.AXL,
        window_end__range=(timezone.now(), timezone.now() + TOKENS_REACH),
    )
    for batch in planned.distinct().select_related("virtual_account__smart_account__license_server"):
        if mixed_mode.the_token(batch.virtual_account) is None:
            _renew(batch)


def _renew(batch: AssignmentBatch) -> None:
    try:
        tokens.usable_for(batch.virtual_account, export_controlled=False, at=batch.window_end)
    except (Refusal, CssmError) as error:  # The registration tries again, and reports it.
        log.warning("No token could be made for the batch %s: %s", batch.pk, error.message)
