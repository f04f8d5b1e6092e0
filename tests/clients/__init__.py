"""Clients of others as their registries hold them, each in an environment of its own."""
