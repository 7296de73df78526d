"""Mirror a SmartAccount: fetch whole, reconcile, record. Read `running.run` first.

runs      the life of a SyncRun: asked for, begun, finished, failed, lost; the lock of an account
fetching  every listing of Cisco's, page by page, with progress
staging   temporary tables, filled by COPY
cssm_alerts  Cisco's own alerts, which may be missing
merging   one transaction from staging to the mirror, with Changes and UsageSamples
"""

from licensing.sync.running import run
from licensing.sync.runs import fail_lost, request

__all__ = ["fail_lost", "request", "run"]
