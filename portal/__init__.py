"""This package wires the portal: settings, routes, Celery, health, the local stack. Only its processes import it."""
