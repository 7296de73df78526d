"""Keep what only the partner knows: customers, clusters, nodes and proxies, and how a cluster is reached."""
