"""Reach Unified CM over AXL. AXL has no call for license mode and transport, so run sheets cover them."""

from django.conf import settings

from kit.secrets import SecretUnreadable
from licensing.fleet.access.answers import Answer, Done, ReachRefused, Status
from licensing.fleet.access.axl import Axl, AxlConfig
from licensing.fleet.access.manual import Manual
from licensing.fleet.models import Cluster, ClusterAccess


def config_of(access: ClusterAccess) -> AxlConfig:
    """Return the settings for AXL. Raises ReachRefused where the password cannot be decrypted."""
    try:
        password = access.password.reveal()  # type: ignore[attr-defined]
    except SecretUnreadable as error:
        raise ReachRefused(str(error), "Enter the password again.") from None
    return AxlConfig(
        url=access.url,
        username=access.username,
        password=password,
        version=access.cluster.version,
        ca_pem=access.ca_certificate,
        verify_tls=access.verify_tls,
        allow_http=settings.ALLOW_HTTP,
        allowed_networks=settings.ALLOWED_NETWORKS,
        settle_seconds=settings.AXL_SETTLE_SECONDS,
    )


class UnifiedCm(Manual):
    def __init__(self, cluster: Cluster, access: ClusterAccess) -> None:
        super().__init__(cluster)
        self.access = access

    def status(self) -> Status:
        with Axl(config_of(self.access)) as axl:
            return axl.status()

    def register(self, token_text: str) -> Answer:
        with Axl(config_of(self.access)) as axl:
            return Done(_describe_place(axl.register(token_text)))

    def deregister(self) -> Answer:
        with Axl(config_of(self.access)) as axl:
            axl.deregister()
        return Done("The cluster is not registered.")


def _describe_place(status: Status) -> str:
    return f"Registered in {status.virtual_account}." if status.virtual_account else "Registered."
