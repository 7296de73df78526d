"""The mirrored tables, by subject.

Columns under "mirrored" are written by licensing.mirror.sync alone. Columns under "ours" are decided by people and
survive when a row goes and comes back. A row that Cisco stops listing gets `gone_at`; it is not deleted.

Foreign keys to the parent have no index of their own where a unique constraint begins with the same column.
"""

from licensing.mirror.models.cssm_alerts import CssmAlert
from licensing.mirror.models.history import Change, LicenseForecast, SyncRun, SyncRunQuerySet, UsageSample
from licensing.mirror.models.licenses import License, LicenseLine, LicenseLineQuerySet, LicenseQuerySet
from licensing.mirror.models.product_instances import (
    TWIN_MARK,
    TWIN_NUMBER,
    InstanceUsage,
    InstanceUsageQuerySet,
    ProductInstance,
    ProductInstanceQuerySet,
)
from licensing.mirror.models.registration_tokens import RegistrationToken, RegistrationTokenQuerySet
from licensing.mirror.models.subscriptions import Subscription, SubscriptionQuerySet
from licensing.mirror.models.virtual_accounts import MirroredQuerySet, VirtualAccount, VirtualAccountQuerySet

__all__ = [
    "TWIN_MARK",
    "TWIN_NUMBER",
    "Change",
    "CssmAlert",
    "InstanceUsage",
    "InstanceUsageQuerySet",
    "License",
    "LicenseForecast",
    "LicenseLine",
    "LicenseLineQuerySet",
    "LicenseQuerySet",
    "MirroredQuerySet",
    "ProductInstance",
    "ProductInstanceQuerySet",
    "RegistrationToken",
    "RegistrationTokenQuerySet",
    "Subscription",
    "SubscriptionQuerySet",
    "SyncRun",
    "SyncRunQuerySet",
    "UsageSample",
    "VirtualAccount",
    "VirtualAccountQuerySet",
]
