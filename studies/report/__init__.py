"""Turns a validation into a page for people."""
