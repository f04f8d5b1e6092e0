"""Talks to an EHR for both services: key sets, bounded HTTP, one reader of a chart."""
