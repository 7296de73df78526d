"""Growth: what each customer uses beyond its commitment, until the anniversary of its subscription, and its cost."""
