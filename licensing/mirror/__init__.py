"""Mirror what Cisco knows: virtual accounts, licenses, product instances, tokens, and the sync that updates them."""
