"""Shows each Observation that came with a chart, and what became of it."""
