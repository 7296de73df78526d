"""What Cisco knows, mirrored: virtual accounts, licenses, product instances, tokens, and the sync that keeps them."""
