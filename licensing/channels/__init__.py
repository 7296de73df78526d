"""Channels that notify people of alerts, and what they delivered."""
