"""What changed since a moment, and how it stood at any hour of two days."""
