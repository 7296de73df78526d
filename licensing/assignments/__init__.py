"""Which cluster belongs to which virtual account, and how it gets there."""
