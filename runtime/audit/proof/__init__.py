"""That the audit log is what it was: signed checkpoints, and what holds the log against them."""
