"""Routes of REST, its schema and its documentation."""

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView
from rest_framework.authentication import SessionAuthentication
from rest_framework.routers import DefaultRouter

from licensing.api import alerts, fleet, pools, runs, servers
from people.tokens import TokenAuthentication

router = DefaultRouter()
router.include_format_suffixes = False
router.register("license-servers", servers.LicenseServers)
router.register("smart-accounts", servers.SmartAccounts)
router.register("virtual-accounts", pools.VirtualAccounts)
router.register("licenses", pools.Licenses)
router.register("product-instances", pools.ProductInstances)
router.register("registration-tokens", pools.RegistrationTokens)
router.register("customers", fleet.Customers)
router.register("clusters", fleet.Clusters)
router.register("assignments", fleet.Assignments)
router.register("sync-runs", runs.SyncRuns)
router.register("alerts", alerts.Alerts)
router.register("alert-rules", alerts.AlertRules)

# The schema and its page open for a program's token and for a signed-in person.
WHO = [TokenAuthentication, SessionAuthentication]

urlpatterns = [
    path("v1/", include(router.urls)),
    path("schema/", SpectacularAPIView.as_view(authentication_classes=WHO), name="schema"),
    path("docs/", SpectacularSwaggerView.as_view(url_name="schema", authentication_classes=WHO), name="api-docs"),
]
