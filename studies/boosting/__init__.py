"""How a booster is fitted: what it sees, what binds it, what it knows before any data."""
