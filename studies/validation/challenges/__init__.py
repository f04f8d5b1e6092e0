"""What the two challenges asked for, in their own scores."""
