"""What was bought at Cisco, what arrived, and what moved between virtual accounts."""
