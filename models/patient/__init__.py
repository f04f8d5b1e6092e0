"""Knows what a chart means: a Chart becomes series, features, inputs and NEWS2."""
