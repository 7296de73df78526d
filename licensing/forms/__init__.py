"""Forms, by subject. They check shape; rules stand in the verb modules."""
