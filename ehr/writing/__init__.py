"""Writing at an EHR: what its server says that it takes, and one resource, once."""
