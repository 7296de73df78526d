"""Routes of REST, its schema and its documentation."""

from typing import Any

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from licensing.api import (
    alerts,
    allocation,
    assignment_batches,
    assignments,
    auto_registration,
    channels,
    docs,
    fleet,
    instances,
    pools,
    reach,
    runs,
    servers,
    subscriptions,
    transfers,
    usage,
    worklist,
)

COLLECTIONS: dict[str, Any] = {
    "license-servers": servers.LicenseServers,
    "smart-accounts": servers.SmartAccounts,
    "virtual-accounts": pools.VirtualAccounts,
    "licenses": pools.Licenses,
    "product-instances": pools.ProductInstances,
    "registration-tokens": pools.RegistrationTokens,
    "usage": usage.Usage,
    "overages": transfers.Overages,
    "transfer-plans": transfers.TransferPlans,
    "worklist": worklist.Worklist,
    "subscriptions": subscriptions.Subscriptions,
    "customers": fleet.Customers,
    "clusters": fleet.Clusters,
    "assignments": assignments.Assignments,
    "assignment-jobs": assignments.AssignmentJobs,
    "assignment-batches": assignment_batches.AssignmentBatches,
    "sync-runs": runs.SyncRuns,
    "alerts": alerts.Alerts,
    "alert-rules": alerts.AlertRules,
    "channels": channels.Channels,
    "deliveries": channels.Deliveries,
}


class Router(SimpleRouter):
    """Ids are integers: anything else in their place is no address."""

    def get_lookup_regex(self, viewset: Any, lookup_prefix: str = "") -> str:
        return "<int:pk>"


router = Router(use_regex_path=False)
for name, view in COLLECTIONS.items():
    router.register(name, view, basename=f"api-{name}")

urlpatterns = [
    path("v1/", docs.Collections.as_view(names=tuple(COLLECTIONS)), name="api-collections"),
    path("v1/", include(router.urls)),
    path("v1/what-if/", allocation.WhatIf.as_view(), name="api-what-if"),
    path("v1/", include(reach.ROUTES)),
    path("v1/", include(instances.ROUTES)),
    path("v1/", include(auto_registration.ROUTES)),
    path("schema/", docs.SchemaPage.as_view(), name="schema"),
    path("docs/", docs.DocsPage.as_view(), name="api-docs"),
    path("<path:url>", docs.Nowhere.as_view(), name="api-nowhere"),
]
