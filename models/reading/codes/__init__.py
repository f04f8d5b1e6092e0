"""Knows what codes and words mean that stand at a value: its question, its context, its level."""
