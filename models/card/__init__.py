"""Knows what is said of a model: its card, label, figures and pictures."""
