"""Assign clusters to virtual accounts and carry the assignments out."""
