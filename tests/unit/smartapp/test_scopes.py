"""Scopes asked for and granted."""

import pytest

from runtime.settings import Ehr
from smartapp.launching.discovery import Endpoints
from smartapp.launching.scopes import readable, wanted

CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
EHR = Ehr(id="e", fhir_base=("https://ehr.example.org",))
BOTH = {"patient", "vitals", "labs"}


@pytest.mark.rule("SMART-18")
def test_v2_is_asked_where_it_is_offered_and_v1_where_not():
    """The syntax follows permission-v2, and no wildcard is ever asked for."""
    assert (
        wanted(EHR, Endpoints(capabilities=("permission-v2",)), False)
        == "launch patient/Patient.r patient/Observation.rs"
    )
    assert wanted(EHR, Endpoints(), False) == "launch patient/Patient.read patient/Observation.read"


@pytest.mark.rule("SMART-19", "SMART-20", "SMART-21")
def test_context_and_user_scopes():
    """An EHR launch asks `launch`, a standalone one `launch/patient`; the user only where the
    server knows users.
    """
    openid = Endpoints(capabilities=("sso-openid-connect",))
    assert wanted(EHR, openid, False).startswith("launch openid fhirUser ")
    assert wanted(EHR, openid, True).startswith("launch/patient openid fhirUser ")
    own = Ehr(id="e", fhir_base=EHR.fhir_base, smart_scopes="launch user/Observation.read")
    assert wanted(own, openid, True) == "launch/patient user/Observation.read"


@pytest.mark.rule("SMART-17")
@pytest.mark.parametrize(
    "granted, parts",
    [
        ("patient/Patient.read patient/Observation.read", BOTH),
        ("patient/*.rs", BOTH),
        ("user/*.*", BOTH),
        ("patient/*.cruds", BOTH),
        ("patient/Observation.rs?category=vital-signs launch", {"vitals"}),
        (f"patient/Observation.rs?category={CATEGORY}|laboratory", {"labs"}),
        (
            f"patient/Observation.rs?category={CATEGORY}%7Cvital-signs,laboratory",
            {"vitals", "labs"},
        ),
        (
            "patient/Observation.s?category=vital-signs user/Observation.s?category=laboratory",
            {"vitals", "labs"},
        ),
        ("patient/Observation.rs?category=social-history", set()),
        ("patient/Observation.rs?category=vital-signs&_security=L", set()),
        ("patient/*.rs?category=laboratory", {"labs"}),
        ("patient/Patient.r", {"patient"}),
        ("patient/Observation.cud", set()),
        ("patient/Observation.write", set()),
        ("launch openid", set()),
        ("", set()),
        ("patient/Observation.sr", set()),
        ("user/Observation.Read user/Patient.Read", BOTH),
        ("openid Patient.read Patient.search ", {"patient"}),
        ("Patient.Read Observation.Search", BOTH),
        ("Observation.Write Patient.write", set()),
        ("patient/Observation. patient/.rs launch/patient", set()),
        ("fhirUser launch/encounter offline_access profile", set()),
    ],
)
def test_a_grant_is_compared_by_meaning(granted, parts):
    """v1, v2, Epic's spellings and reduced grants are understood; what was not granted is not
    read, and a grant of one category fills that part alone.
    """
    assert readable(granted) == parts


@pytest.mark.rule("SMART-20")
@pytest.mark.parametrize(
    "offered, profile, asked",
    [
        ({"scopes_supported": ("launch", "online_access")}, "generic", True),
        ({"capabilities": ("permission-online",)}, "generic", True),
        ({"capabilities": ("permission-offline",)}, "generic", False),
        ({"scopes_supported": ("offline_access",)}, "epic", False),
        ({}, "oracle", True),
        ({}, "generic", False),
    ],
)
def test_leave_to_renew_is_asked_for_while_the_user_is_there(offered, profile, asked):
    """online_access where the server names it or the vendor gives it; offline_access never."""
    ehr = Ehr(id="e", fhir_base=EHR.fhir_base, profile=profile)
    scopes = wanted(ehr, Endpoints(**offered), False).split()
    assert ("online_access" in scopes) is asked and "offline_access" not in scopes
