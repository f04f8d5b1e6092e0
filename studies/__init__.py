"""Training and validation; never imported by a service."""
