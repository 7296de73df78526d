"""Wiring only: settings, routes, Celery, health, the local stack. Nobody imports this package but its own processes."""
