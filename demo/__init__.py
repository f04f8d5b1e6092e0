"""A small but honest EHR to try Vigil against; never imported by a service."""
