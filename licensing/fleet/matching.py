"""Decide which product instance belongs to which cluster.

The node that registers decides: the publisher; in an Expressway cluster each node. Its UDI serial or UUID comes first,
where the partner has entered it; then an earlier registration of the same product, whose cluster is known; then the
node's whole host name; then its first label, where one of the two names has no domain. The strongest that fits anything
decides. Several clusters that fit equally well are left to a person (ProductInstance.objects.ambiguous), and a person's
decision stays.
"""

from collections.abc import Mapping
from typing import Any

from django.db import connection, transaction

from kit.refusals import Refusal
from licensing.fleet.models import Cluster
from licensing.history.recording import record
from licensing.mirror.models import ProductInstance
from people import audit

# The publisher registers; in an Expressway cluster each node does.
REGISTERS = "(node.role = 'publisher' OR cluster.application IN ({}))".format(
    ", ".join(f"'{application}'" for application in Cluster.EXPRESSWAYS)
)
MATCH = """
WITH instance AS (
    SELECT id, lower(host_name) AS host, udi_pid, upper(serial) AS serial, upper(uuid) AS uuid,
        cluster_id, cluster_candidates
    FROM mirror_productinstance WHERE gone_at IS NULL AND NOT cluster_by_hand AND {concerned}
),
publisher AS (
    SELECT cluster_id, lower(host_name) AS host, upper(node.serial) AS serial
    FROM fleet_node node JOIN fleet_cluster cluster ON cluster.id = node.cluster_id
    WHERE {registers}
),
known AS (
    SELECT id, cluster_id, udi_pid, upper(serial) AS serial, upper(uuid) AS uuid
    FROM mirror_productinstance WHERE cluster_id IS NOT NULL AND (cluster_by_hand OR gone_at IS NOT NULL)
),
candidate (id, cluster_id, rank) AS (
    SELECT instance.id, publisher.cluster_id, 1 FROM instance JOIN publisher USING (serial) WHERE serial <> ''
    UNION ALL
    SELECT instance.id, publisher.cluster_id, 1 FROM instance JOIN publisher ON publisher.serial = instance.uuid
    WHERE instance.uuid <> ''
    UNION ALL
    SELECT instance.id, known.cluster_id, 2 FROM instance JOIN known USING (uuid)
    WHERE uuid <> '' AND instance.id <> known.id
    UNION ALL
    SELECT instance.id, known.cluster_id, 2 FROM instance JOIN known USING (udi_pid, serial)
    WHERE serial <> '' AND instance.id <> known.id AND (instance.uuid = '' OR known.uuid = '')
    UNION ALL
    SELECT instance.id, publisher.cluster_id, 3 FROM instance JOIN publisher USING (host) WHERE host <> ''
    UNION ALL
    SELECT instance.id, publisher.cluster_id, 4
    FROM instance JOIN publisher ON split_part(instance.host, '.', 1) = split_part(publisher.host, '.', 1)
    WHERE instance.host <> '' AND instance.host <> publisher.host
        AND (instance.host NOT LIKE '%.%' OR publisher.host NOT LIKE '%.%')
),
best AS (
    SELECT id, min(cluster_id) AS cluster_id, count(DISTINCT cluster_id) AS fitting
    FROM candidate JOIN (SELECT id, min(rank) AS rank FROM candidate GROUP BY id) strongest USING (id, rank)
    GROUP BY id
),
wanted AS (
    SELECT instance.id, instance.cluster_id AS before, instance.cluster_candidates AS fitting_before,
        CASE WHEN best.fitting = 1 THEN best.cluster_id END AS cluster_id, COALESCE(best.fitting, 0) AS fitting
    FROM instance LEFT JOIN best USING (id)
)
UPDATE mirror_productinstance row SET cluster_id = wanted.cluster_id, cluster_candidates = wanted.fitting
FROM wanted
WHERE wanted.id = row.id AND (wanted.before, wanted.fitting_before) IS DISTINCT FROM (wanted.cluster_id, wanted.fitting)
"""

# A changed instance concerns itself and the other registrations of the same product.
CONCERNED = """(
    id IN ({touched})
    OR uuid <> '' AND upper(uuid) IN (
        SELECT upper(other.uuid) FROM mirror_productinstance other WHERE other.id IN ({touched})
    )
    OR serial <> '' AND (udi_pid, upper(serial)) IN (
        SELECT other.udi_pid, upper(other.serial) FROM mirror_productinstance other WHERE other.id IN ({touched})
    )
)"""

# Nothing can match while no cluster has a node that registers and none has an instance, as at most first syncs.
ANYTHING_KNOWN = f"""
SELECT EXISTS (
        SELECT 1 FROM fleet_node node JOIN fleet_cluster cluster ON cluster.id = node.cluster_id
        WHERE {REGISTERS}
    )
    OR EXISTS (SELECT 1 FROM mirror_productinstance WHERE cluster_id IS NOT NULL)
"""


def match_clusters(touched: str = "") -> int:
    """Match product instances with clusters, after a sync and after clusters or nodes have changed.

    Returns how many instances were given a cluster or lost it. Decisions by hand stay, and a gone instance keeps its
    cluster.

    `touched`: a SELECT of the ids of those that a sync has changed, where nothing else has changed since the last time.
    """
    concerned = CONCERNED.format(touched=touched) if touched else "true"
    with connection.cursor() as cursor:
        if touched:
            cursor.execute(ANYTHING_KNOWN)
            if not cursor.fetchone()[0]:
                return 0
        cursor.execute(MATCH.format(concerned=concerned, registers=REGISTERS))
        matched = int(cursor.rowcount)
    if not touched:  # a sync records what it has changed itself
        record()
    return matched


@transaction.atomic
def save_product_instance(actor: audit.Actor, instance: ProductInstance, wanted: Mapping[str, Any]) -> None:
    """Set what people decide about a product instance. `wanted` holds the values of ProductInstance.OWN to set.

    A cluster that is named, or None, is a decision by hand; `cluster_by_hand` False takes the decision back.
    """
    if "note" in wanted and wanted["note"] != instance.note:
        audit.change(actor, "changed", instance, note=wanted["note"].strip())
    if not {"cluster", "cluster_by_hand"} & wanted.keys():
        return
    cluster = wanted.get("cluster", instance.cluster)
    if wanted.get("cluster_by_hand", True):
        if not instance.cluster_by_hand or cluster != instance.cluster:
            settle(actor, instance, cluster)
    elif cluster != instance.cluster:
        words = "A cluster that you name counts as a decision by hand."
        raise Refusal(words, "Name the cluster, or let the portal find it.", "cluster_by_hand")
    elif instance.cluster_by_hand:
        unsettle(actor, instance)


def settle(actor: audit.Actor, instance: ProductInstance, cluster: Cluster | None) -> None:
    """Decide by hand which cluster it belongs to; None for no cluster."""
    audit.change(actor, "changed", instance, cluster=cluster, cluster_by_hand=True)
    record([instance.virtual_account.smart_account_id])


def unsettle(actor: audit.Actor, instance: ProductInstance) -> None:
    """Take the decision back: the next best match counts again."""
    audit.change(actor, "changed", instance, cluster_by_hand=False)
    match_clusters()
    instance.refresh_from_db(fields=["cluster", "cluster_candidates"])
