"""The partner's tables, by subject. The words are those of docs/glossary.md."""

from licensing.models.access import ClusterAccess
from licensing.models.accounts import (
    InstanceUsage,
    License,
    LicenseLine,
    ProductInstance,
    RegistrationToken,
    SmartAccount,
    VirtualAccount,
)
from licensing.models.alerts import Alert, AlertEvent, AlertRule, CssmAlert, SavedFilter
from licensing.models.automation import AutoRegistration
from licensing.models.channels import CalendarFeed, Channel, Delivery, DeliveryAttempt, Notice
from licensing.models.fleet import Assignment, Cluster, Customer, Node, Proxy
from licensing.models.history import Change, SyncRun, UsageSample
from licensing.models.jobs import AssignmentBatch, AssignmentBatchCluster, AssignmentJob, AssignmentStage
from licensing.models.overages import Overage
from licensing.models.servers import LicenseServer
from licensing.models.subscriptions import Subscription
from licensing.models.transfers import TransferPlan, TransferStep

__all__ = [
    "Alert",
    "AlertEvent",
    "AlertRule",
    "Assignment",
    "AssignmentBatch",
    "AssignmentBatchCluster",
    "AssignmentJob",
    "AssignmentStage",
    "AutoRegistration",
    "CalendarFeed",
    "Change",
    "Channel",
    "Cluster",
    "ClusterAccess",
    "CssmAlert",
    "Customer",
    "Delivery",
    "DeliveryAttempt",
    "InstanceUsage",
    "License",
    "LicenseLine",
    "LicenseServer",
    "Node",
    "Notice",
    "Overage",
    "ProductInstance",
    "Proxy",
    "RegistrationToken",
    "SavedFilter",
    "SmartAccount",
    "Subscription",
    "SyncRun",
    "TransferPlan",
    "TransferStep",
    "UsageSample",
    "VirtualAccount",
]
