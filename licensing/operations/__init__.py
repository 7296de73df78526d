"""Work that spans subjects: syncs and what follows them, requests to Cisco, removal, retention."""
