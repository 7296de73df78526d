"""Who used what, and what was held, at any time: kept as intervals, one row for each time that a figure changes."""
