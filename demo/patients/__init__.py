"""The demonstration's synthetic patients: one TOML file a scenario, and the code that turns it
into FHIR.
"""
