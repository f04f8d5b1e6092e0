"""Hook bodies that once went wrong, posted as they are: what each has to give stands in the table
here, and beside each file in its own words.
"""

import json
import re
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from models.reading.fhir import parse
from tests.conftest import AT
from tests.support.open_vigil import OpenVigil, Told
from tests.support.traced import traced

LEVELS = ("info", "warning", "critical")
# A model's low risk may stand behind what is grave, never in the summary as if all were well.
CALM_SUMMARY = r"\A[^\n]*low risk"
PLAIN = {"heart_rate": [72], "respiratory_rate": [15], "spo2": [97], "temperature": [36.8]}
ARM = {"systolic": [124], "diastolic": [76]}


@dataclass(frozen=True)
class Right:
    """What is right for one case.

    Shape: `level` is the indicator; `news2` the least and the greatest score (None: either way);
    `read` every value of a variable, oldest first; `says` and `never` are patterns, matched in any
    case; `set_aside` counts by reason what was left out.
    """

    level: str
    news2: tuple[int, int] | None
    read: dict[str, list[float]] = field(default_factory=dict)
    says: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    set_aside: dict[str, int] = field(default_factory=dict)


CASES = {
    # The pulmonary artery's pressure is not the arm's.
    1: Right(
        "warning",
        (3, 5),
        {"systolic": [78], "diastolic": [44], "mean_pressure": []},
        says=(r"systolic[^\n]*\b78\b", r"NEWS2 3 to 5"),
        never=(r"\b112\b",),
    ),
    # A mean over a day is no reading of its end, and hides none.
    4: Right("info", (0, 2), PLAIN | ARM, never=(r"\b44\b",), set_aside={"time": 1}),
    # What a modifier turns round can't be used, and it is the newest word about the pulse.
    6: Right("warning", (0, 5), {"heart_rate": [72]}, says=(r"heart rate|pulse",)),
    # Below 70 % is three points for certain, and not the 97 % of five hours ago.
    8: Right(
        "warning",
        (3, 5),
        {"spo2": [97]},
        says=(r"(oxygen saturation|SpO2)[^\n]*< ?70", r"NEWS2 3 to 5"),
        never=(r"\b97\b", CALM_SUMMARY),
    ),
    # No breath, no pulse, no pressure: three points each, and somebody has to look.
    9: Right(
        "critical",
        (12, 14),
        says=(
            r"(respiratory rate|respiration)[^\n]*\b0 /min",
            r"(heart rate|pulse)[^\n]*\b0 /min",
            r"systolic[^\n]*\b0 mmHg",
            r"(oxygen saturation|SpO2)[^\n]*\b35 %",
            r"check the patient",
        ),
        never=(CALM_SUMMARY,),
    ),
    # Two values of one minute: the graver counts, and both are named.
    11: Right(
        "critical",
        (12, 14),
        says=(
            r"\b78\b[^\n]*\b124\b|\b124\b[^\n]*\b78\b",
            r"\b82\b[^\n]*\b98\b|\b98\b[^\n]*\b82\b",
            r"\b6\b[^\n]*\b15\b|\b15\b[^\n]*\b6\b",
            r"34\.5[^\n]*36\.8|36\.8[^\n]*34\.5",
        ),
        never=(CALM_SUMMARY,),
    ),
    # The corrected version of an id counts alone.
    12: Right("warning", (3, 5), {"systolic": [89]}, (r"systolic[^\n]*\b89\b",), (r"\b190\b",)),
    # 40 % is oxygen; a flow of 0 only says that there is no cannula.
    13: Right("info", (2, 2), says=(r"\b40 %", r"\b0 L/min|flow (of )?0")),
    # A normal range is nobody's target.
    15: Right("warning", (3, 3), {"spo2_target": []}, (r"(oxygen saturation|SpO2)[^\n]*\b90 %",)),
    # 60 mg/dL of urea holds 28 mg/dL of nitrogen.
    16: Right("info", (0, 2), {"bun": [pytest.approx(28.0, abs=0.1)]}),
    # The same id on another server is somebody else, and hides nothing.
    17: Right("info", (0, 2), PLAIN | ARM, never=(r"\b150\b",), set_aside={"patient": 1}),
    # Printed units and a number in words are read; a lactate of 4.1 is critical.
    18: Right(
        "critical",
        (0, 2),
        {"wbc": [18.7], "platelets": [90], "lactate": [4.1]},
        says=(r"^lactate[^\n]*4\.1",),
        never=(r"not in [^\n]*(lactate|white cells|platelets)",),
    ),
    # Vital signs on a page that nobody can open are not absent.
    19: Right(
        "warning",
        None,
        says=(r"could not be read",),
        never=(r"not in the chart[^\n]*(systolic|temperature|Glasgow)",),
    ),
    # SNOMED CT: unresponsive, on oxygen.
    22: Right("warning", (5, 5), {"acvpu": [4]}, says=(r"NEWS2 5", r"unresponsive")),
    # Breathing room air, said by being there.
    23: Right("info", (0, 0), says=(r"NEWS2 0",)),
    # UCUM in other words.
    25: Right(
        "info",
        (0, 5),
        PLAIN | {"systolic": [124], "wbc": [9.0], "platelets": [200], "lactate": [1.2]},
        never=(r"left out",),
    ),
    # White cells as ten laboratories print them.
    26: Right(
        "info", (0, 2), PLAIN | ARM | {"wbc": [9.0] * 10}, never=(r"not in [^\n]*white cells",)
    ),
    # LOINC by its OID.
    28: Right("info", (0, 2), PLAIN | ARM | {"gcs": [15]}),
    # No fhirServer, one open EHR.
    29: Right("info", (0, 2), PLAIN | ARM | {"gcs": [15]}),
    # Half an emoji costs at most its own Observation.
    34: Right("info", (0, 2), PLAIN | ARM | {"gcs": [15]}),
    # A number beyond all numbers is the newest word about the pulse, and costs nothing else.
    35: Right(
        "warning",
        (0, 5),
        {name: values for name, values in (PLAIN | ARM).items() if name != "heart_rate"},
        says=(r"heart rate[^\n]*can't be used",),
        never=(r"not calculated", r"\binf\b"),
    ),
}


@pytest.fixture
def vigil(tmp_path) -> OpenVigil:
    """A Vigil at the tests' moment."""
    return OpenVigil(tmp_path)


def body(folder: Path, number: int) -> str:
    """Return the request of a case with times and ids filled in."""
    (path,) = folder.glob(f"{number:02}-*.json")
    text = re.sub(r"@uuid", lambda _: str(uuid.uuid4()), path.read_text("utf-8"))
    return re.sub(r"@(-?\d+(?:\.\d+)?)h", _moment, text)


def _moment(found: re.Match[str]) -> str:
    return (AT + timedelta(hours=float(found[1]))).isoformat()


def wrong(told: Told, right: Right) -> list[str]:
    """Return in words what differs."""
    aside = {reason: told.record["chart"]["rejected"].get(reason) for reason in right.set_aside}
    return [
        *([f"level {told.level}"] if told.level != right.level else []),
        *([f"NEWS2 {told.news2}"] if right.news2 not in (None, told.news2) else []),
        *(
            f"{name} {told.read(name)}"
            for name, values in right.read.items()
            if told.read(name) != values
        ),
        *(f"says not {p!r}" for p in right.says if not _found(p, told.text)),
        *(f"says {p!r}" for p in right.never if _found(p, told.text)),
        *([f"set aside {aside}"] if aside != right.set_aside else []),
    ]


def _found(pattern: str, text: str) -> bool:
    return re.search(pattern, text, re.IGNORECASE | re.MULTILINE) is not None


@pytest.mark.parametrize("number", CASES)
def test_a_case_gives_what_stands_beside_it(number, shared, vigil):
    """The level, NEWS2, what was read, what the card says, and what it must not say."""
    told = vigil.told(body(shared / "data" / "cases", number).encode())
    assert not wrong(told, CASES[number]), told.text


def test_every_case_has_its_answer_here(shared):
    """A file without an answer would prove nothing."""
    files = (shared / "data" / "cases").glob("*.json")
    assert {int(path.name.partition("-")[0]) for path in files} == set(CASES)


def test_a_version_entered_in_error_takes_its_id_with_it(shared, vigil):
    """The case of two versions, the second withdrawn: no systolic pressure at all."""
    found = json.loads(body(shared / "data" / "cases", 12))
    for entry in found["prefetch"]["vitals"]["entry"]:
        if entry["resource"]["status"] == "corrected":
            entry["resource"]["status"] = "entered-in-error"
    told = vigil.told(json.dumps(found).encode())
    assert (told.read("systolic"), told.news2) == ([], (0, 5)), told.text


@pytest.mark.parametrize("place", ["resource", "component"])
def test_implicit_rules_and_a_component_that_is_modified_are_not_read(place, shared, vigil):
    """The case of a modifier, by FHIR's two other ways to change what a value means."""
    found = json.loads(body(shared / "data" / "cases", 6))
    newest = found["prefetch"]["vitals"]["entry"][-1]["resource"]
    modifier = newest.pop("modifierExtension")
    if place == "resource":
        newest["implicitRules"] = "https://ehr.example.org/fhir/rules"
    else:
        part = {"code": newest["code"], "valueQuantity": newest.pop("valueQuantity")}
        newest["component"] = [part | {"modifierExtension": modifier}]
        newest["code"] = {"coding": [{"system": "http://loinc.org", "code": "85353-1"}]}
    told = vigil.told(json.dumps(found).encode())
    assert told.read("heart_rate") == [72] and told.news2 == (0, 5), told.text
    assert LEVELS.index(told.level) >= 1


@pytest.mark.parametrize("number", CASES)
def test_fates_and_counts_agree(number, shared):
    """What is told of each Observation of a case adds up to what the chart holds and counts."""
    asked = json.loads(body(shared / "data" / "cases", number))
    for part in asked.get("prefetch", {}).values():
        if isinstance(part, dict):
            patient = asked["context"]["patientId"]
            traced(parse(json.dumps(part).encode()), patient, AT, [asked.get("fhirServer", "")])
