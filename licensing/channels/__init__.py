"""Who is notified of alerts, and what was delivered."""
