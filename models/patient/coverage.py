"""Says in plain sentences which parts of a chart could not be read, and since when one is whole.

"Could not be read" and "not in the chart" are two states; the second is said of a whole part only.
"""

from datetime import datetime, timedelta

from models.patient.chart import Chart, PartState
from models.patient.vocabulary import GROUPS, VARIABLES

# How far back a risk at a moment looks, by part: two days of extremes, or the longest life of a
# value, and the six hours of the trend. A weight may be older: what is not known of it is stated.
COVERED = {
    group: max(
        timedelta(hours=48),
        *(v.max_age for v in VARIABLES.values() if v.group == group and v.name != "weight"),
    )
    + timedelta(hours=6)
    for group in GROUPS
}
LABELS = {"patient": "Patient details", "vitals": "Vital signs", "labs": "Laboratory results"}
FAULTS = {
    "cut": "could not be read in full",
    "failed": "could not be read",
    "not granted": "may not be read here, as the EHR did not grant it",
    "absent": "were not sent and could not be asked for",
}


def unread(chart: Chart, at: datetime) -> dict[str, str]:
    """Return a sentence for each part of which something that counts at `at` could not be read."""
    lacking = {name: part for name, part in chart.parts.items() if not _enough(name, part, at)}
    return {name: _sentence(LABELS[name], lacking[name], at) for name in LABELS if name in lacking}


def _enough(name: str, part: PartState, at: datetime) -> bool:
    """Tell whether a part reaches as far back as a risk looks; what is older is of no account."""
    reaches = part.since is not None and name in COVERED and part.since <= at - COVERED[name]
    return part.state == "whole" or (part.state == "cut" and reaches)


def _sentence(label: str, part: PartState, at: datetime) -> str:
    if part.state == "cut" and part.since:
        # An age needs no time zone, and the ward's is not known here.
        back = f"{(at - part.since) / timedelta(hours=1):.1f} h"
        return f"{label} were read back to {back} ago only; what is older counts as unknown."
    # A status tells the administrator what a clinician can only pass on (SMART-40).
    status = f" ({part.why})" if part.why and part.why.startswith("status ") else ""
    return f"{label} {FAULTS[part.state]}{status}, so they count as unknown."
