"""REST, under /api/v1/. Its promises: docs/architecture.md and /api/schema/."""
