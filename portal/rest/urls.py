"""Route REST, its schema and its documentation."""

from typing import Any

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from licensing.accounts import rest as servers
from licensing.alerts.rest import alerts, overages
from licensing.allocation import rest as allocation
from licensing.assignments.rest import assignment_batches, assignments, auto_registration, mixed_mode
from licensing.channels import rest as channels
from licensing.figures.rest import growth, positions, prices
from licensing.fleet.rest import cluster_access, inventory
from licensing.mirror.rest import (
    changes,
    licenses,
    product_instances,
    registration_tokens,
    requests,
    sync_runs,
    usage,
    virtual_accounts,
)
from licensing.orders import rest as orders
from licensing.pools.rest import balance, subscriptions, transfers, worklist
from licensing.statements import rest as statements
from portal.rest import docs

COLLECTIONS: dict[str, Any] = {
    "license-servers": servers.LicenseServers,
    "smart-accounts": servers.SmartAccounts,
    "virtual-accounts": virtual_accounts.VirtualAccounts,
    "licenses": licenses.Licenses,
    "product-instances": product_instances.ProductInstances,
    "registration-tokens": registration_tokens.RegistrationTokens,
    "usage": usage.Usage,
    "overages": overages.Overages,
    "transfer-plans": transfers.TransferPlans,
    "orders": orders.Orders,
    "positions": positions.Positions,
    "worklist": worklist.Worklist,
    "subscriptions": subscriptions.Subscriptions,
    "growth": growth.GrowthRows,
    "prices": prices.Prices,
    "customers": inventory.Customers,
    "clusters": inventory.Clusters,
    "assignments": assignments.Assignments,
    "assignment-jobs": assignments.AssignmentJobs,
    "assignment-batches": assignment_batches.AssignmentBatches,
    "statements": statements.Statements,
    "sync-runs": sync_runs.SyncRuns,
    "alerts": alerts.Alerts,
    "alert-rules": alerts.AlertRules,
    "channels": channels.Channels,
    "deliveries": channels.Deliveries,
}


class Router(SimpleRouter):
    """Route integers as ids. Anything else in their place is an unknown address."""

    def get_lookup_regex(self, viewset: Any, lookup_prefix: str = "") -> str:
        return "<int:pk>"


router = Router(use_regex_path=False)
for name, view in COLLECTIONS.items():
    router.register(name, view, basename=f"api-{name}")

# Routes beside those of the collections: actions on one row, and details about one row.
ROUTES = [
    *allocation.ROUTES,
    *auto_registration.ROUTES,
    *balance.ROUTES,
    *changes.ROUTES,
    *cluster_access.ROUTES,
    *mixed_mode.ROUTES,
    *positions.ROUTES,
    *requests.ROUTES,
    *statements.ROUTES,
    *sync_runs.ROUTES,
    *transfers.ROUTES,
]

urlpatterns = [
    path("v1/", docs.Collections.as_view(names=tuple(COLLECTIONS)), name="api-collections"),
    path("v1/", include(router.urls)),
    path("v1/", include(ROUTES)),
    path("schema/", docs.SchemaPage.as_view(), name="schema"),
    path("docs/", docs.DocsPage.as_view(), name="api-docs"),
    path("<path:url>", docs.Nowhere.as_view(), name="api-nowhere"),
]
