"""The FHIR searches for a patient: one function for prefetch templates, fetching and the SMART app
(R45).

Only the recommended subset of R36-R39 is used: token parameters by equality, one date bound,
`_count`, `_sort`.
"""

from datetime import UTC, datetime

from models.patient.vocabulary import VARIABLES
from models.reading.oxygen import OXYGEN_CODES

# A panel carries its readings as components, so it has to be asked for by its own code: blood
# pressure, vital signs; in SNOMED CT systemic arterial and blood pressure.
PANELS = ("85354-9", "55284-4", "35094-2", "364090009", "75367002")
COUNTS = {"vitals": 300, "labs": 200}


def searches(
    patient_id: str,
    since: datetime | None = None,
    newest_first: bool = True,
    page_size: int = max(COUNTS.values()),
) -> dict[str, str]:
    """Return the relative FHIR queries "patient", "vitals" and "labs".

    With `{{context.patientId}}` and no `since` these are the published prefetch templates (no
    relative dates: R42). `since` is aware UTC and bounds the observations' date. A server that
    knows no `_sort` is not asked for `newest_first`; `page_size` is the most that it may be asked
    for in one page. No search names a category: each names codes, which is enough everywhere.
    """
    tail = "&_sort=-date" if newest_first else ""
    if since is not None:
        tail += f"&date=ge{since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    found = {"patient": f"Patient/{patient_id}"}
    for group, count in COUNTS.items():
        most = min(count, page_size)
        found[group] = f"Observation?patient={patient_id}&code={_codes(group)}{tail}&_count={most}"
    return found


def _codes(group: str) -> str:
    """Return bare codes: with the system in front a GET would pass the 2,048 characters that IIS
    allows a query.
    """
    codes = [
        code
        for variable in VARIABLES.values()
        if variable.group == group
        for code in (*variable.loinc, *variable.snomed)
    ]
    return ",".join((*codes, *((*PANELS, *OXYGEN_CODES) if group == "vitals" else ())))
