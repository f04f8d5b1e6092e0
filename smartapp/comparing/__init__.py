"""Sets one patient beside those of the validation."""
