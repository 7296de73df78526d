"""Orders, deposits, transfers and what needs attention, over the pools of a smart account."""
