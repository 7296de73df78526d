"""Search and filters of the list pages, by subject."""
