"""Tables of the list pages, by subject."""
