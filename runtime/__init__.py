"""What a running Vigil stands on: settings, trusted EHRs, FHIR client, Redis, audit log, HTTP
hygiene.
"""
