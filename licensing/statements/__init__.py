"""Statements: the position of a customer over a period, frozen and numbered."""
