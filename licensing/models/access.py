"""How the portal gets at a cluster itself: by a person with a run sheet, or over the application's own interface."""

import uuid

from django.db import models

from licensing.models.fleet import Cluster
from licensing.models.secrets import SecretField
from licensing.models.servers import WEB_ADDRESS


class ClusterAccess(models.Model):
    """One per cluster; a cluster without one is reached by hand. All columns are ours.

    `url`: scheme, host and port of the publisher, for example https://cucm-pub.example:8443. `check_*` hold the answer
    of the last test: its state, what was said, what to do next, and what the application said of itself
    (`check_found`: the members of reach.Status that are known).
    """

    class Method(models.TextChoices):
        MANUAL = "manual", "By hand, with a run sheet"
        AXL = "axl", "AXL (Unified CM)"

    class Check(models.TextChoices):
        UNKNOWN = "", "Not tested"
        RUNNING = "running", "Being tested"
        OK = "ok", "Connected"
        REFUSED = "refused", "Refused"
        UNAVAILABLE = "unavailable", "Unreachable"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    cluster = models.OneToOneField(Cluster, on_delete=models.CASCADE, related_name="access")
    method = models.CharField(max_length=10, choices=Method, default=Method.MANUAL)
    url = models.CharField("address", max_length=500, blank=True, validators=[WEB_ADDRESS])
    username = models.CharField("user name", max_length=200, blank=True)
    password = SecretField()
    ca_certificate = models.TextField("CA certificate (PEM)", blank=True)
    verify_tls = models.BooleanField("verify TLS certificates", default=True)
    checked_at = models.DateTimeField(null=True, blank=True, editable=False)
    check_status = models.CharField(max_length=12, choices=Check, default=Check.UNKNOWN, blank=True, editable=False)
    check_message = models.TextField(blank=True, editable=False)
    check_next_step = models.TextField(blank=True, editable=False)
    check_found = models.JSONField(default=dict, blank=True, editable=False)

    class Meta:
        verbose_name_plural = "cluster accesses"

    def __str__(self) -> str:
        return f"Access to {self.cluster}"
