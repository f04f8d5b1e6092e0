"""Writing at an EHR: one resource, once."""
