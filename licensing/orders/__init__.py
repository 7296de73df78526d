"""What was bought at Cisco, what arrived of it, and what moved between virtual accounts."""
