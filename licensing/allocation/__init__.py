"""Allocate licenses to requests: the engine, what a pool holds, explanations and what-if."""
