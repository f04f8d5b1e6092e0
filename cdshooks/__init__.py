"""Knows the CDS Hooks protocol: a hook request becomes cards, feedback becomes a record."""
