"""Which license serves which request: the engine, what a pool holds, explanations and what-if."""
