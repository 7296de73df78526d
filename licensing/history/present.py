"""What the mirror shows now, as the rows that the history keeps: use, supply, and the state of each license.

The recorder writes these rows, and today's figures are read from them, so both count alike. Parameter: %(pools)s, the
ids of virtual accounts; `SUPPLY` also takes %(today)s, the day on which a purchase line must be running.
"""

# Who uses what: the quantities of present product instances, by license name as the virtual account lists it.
USE = """
SELECT instance.virtual_account_id, coalesce(license.name, usage.license_name) AS license_name,
    coalesce(instance.cluster_id, 0) AS cluster, coalesce(cluster.customer_id, 0) AS customer,
    '' AS subscription_id, '' AS order_number,
    coalesce(min(cluster.name), '') AS cluster_name, coalesce(min(customer.name), '') AS customer_name,
    sum(usage.quantity)::integer AS quantity
FROM mirror_productinstance instance
JOIN mirror_instanceusage usage ON usage.product_instance_id = instance.id AND usage.quantity > 0
LEFT JOIN mirror_license license ON license.id = usage.license_id
LEFT JOIN fleet_cluster cluster ON cluster.id = instance.cluster_id
LEFT JOIN fleet_customer customer ON customer.id = cluster.customer_id
WHERE instance.gone_at IS NULL AND instance.virtual_account_id = ANY(%(pools)s)
GROUP BY 1, 2, 3, 4
"""

# What was bought: the part of each license's quantity that a purchase line accounts for. Cisco may list lines beside
# that quantity, which have ended, are cancelled or start later: the ones that run count first. The rest of the quantity
# has neither subscription nor order.
SUPPLY = """
SELECT virtual_account_id, license_name, 0 AS cluster, 0 AS customer, subscription_id, order_number,
    '' AS cluster_name, '' AS customer_name, sum(counted)::integer AS quantity
FROM (
    SELECT license.virtual_account_id, license.name AS license_name, line.subscription_id, line.order_number,
        least(greatest(line.quantity, 0), greatest(license.quantity - coalesce(sum(greatest(line.quantity, 0)) OVER (
            PARTITION BY license.id
            ORDER BY NOT (
                    lower(line.status) IN ('', 'active') AND coalesce(line.start <= %(today)s, true)
                    AND coalesce(line."end" >= %(today)s, true)
                ), line.position
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ), 0), 0)) AS counted
    FROM mirror_license license JOIN mirror_licenseline line ON line.license_id = license.id
    WHERE license.gone_at IS NULL AND license.quantity > 0 AND license.virtual_account_id = ANY(%(pools)s)
    UNION ALL
    SELECT license.virtual_account_id, license.name, '', '',
        greatest(license.quantity - coalesce(sum(greatest(line.quantity, 0)), 0), 0)
    FROM mirror_license license LEFT JOIN mirror_licenseline line ON line.license_id = license.id
    WHERE license.gone_at IS NULL AND license.quantity > 0 AND license.virtual_account_id = ANY(%(pools)s)
    GROUP BY license.id
) part
WHERE counted > 0
GROUP BY virtual_account_id, license_name, subscription_id, order_number
"""

# What Cisco lists of each license.
STATE = """
SELECT license.id AS license_id, license.quantity, license.in_use, license.available, license.reserved, license.status,
    license.substitutions
FROM mirror_license license
WHERE license.gone_at IS NULL AND license.virtual_account_id = ANY(%(pools)s)
"""
