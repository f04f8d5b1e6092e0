"""Knows what a chart says: resources become readings, features, inputs and NEWS2."""
