"""The mirrored tables, by subject."""

from licensing.mirror.models.cssm_alerts import CssmAlert
from licensing.mirror.models.history import Change, SyncRun, SyncRunQuerySet, UsageSample
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
    "Change",
    "CssmAlert",
    "InstanceUsage",
    "InstanceUsageQuerySet",
    "License",
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
    "TWIN_MARK",
    "TWIN_NUMBER",
    "UsageSample",
    "VirtualAccount",
    "VirtualAccountQuerySet",
]
