"""Set the form of dates that no template formats."""
