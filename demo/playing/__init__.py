"""The demonstration as the client of each vendor: what it asks, what it shows, what was decided."""
