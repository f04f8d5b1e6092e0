"""Resolves the references by which calls and tokens name people, so that one person is one name.

Only what is the same reference is the same person: that a PractitionerRole is some Practitioner's
role only its server knows.
"""

from runtime.settings import Ehr, bare_url

# How the reference to one begins.
ROLE = "PractitionerRole/"


def relative(reference: str, ehr: Ehr) -> str:
    """Return a reference relative to its EHR: without the FHIR base where that is one of this
    record's, and without a version; every other one, such as "issuer|sub", as it is.
    """
    for base in map(bare_url, ehr.fhir_base):
        reference = reference.removeprefix(f"{base}/")
    return reference.partition("/_history/")[0]


def tail(reference: str) -> str:
    """Return type and id of a reference whatever server it names, for who knows no server."""
    return "/".join(reference.partition("/_history/")[0].split("/")[-2:])
