"""Turns a coded level of consciousness into ACVPU points: 0 alert, 1 new confusion, 2 voice, 3
pain, 4 unresponsive (RCP NEWS2, 2017).
"""

from models.reading.fhir import Concept

# LOINC answers of 67775-7 and the codes of UK Core ACVPU (SNOMED CT); LA6560-2 counts under these
# questions only.
CODES = {
    "LA9340-6": 0, "LA6560-2": 1, "LA17108-4": 2, "LA17107-6": 3, "LA9343-0": 4,
    "248234008": 0, "130987000": 1, "300202002": 2, "450847001": 3, "422768004": 4,
}  # fmt: skip
WORDS = {
    "alert": 0, "a": 0, "confusion": 1, "new confusion": 1, "confused": 1, "c": 1, "voice": 2,
    "verbal": 2, "v": 2, "responds to voice": 2, "responsive to voice": 2, "pain": 3, "p": 3,
    "painful": 3, "responds to pain": 3, "responsive to pain": 3, "mentally alert": 0,
    "acute confusion": 1, "unresponsive": 4, "u": 4,
}  # fmt: skip


def acvpu_points(concept: Concept | None) -> float | None:
    """Return the points of a coded level, by code first, then by an exact word; None when it is not
    known.

    A free text that is not one of these words is never guessed at.
    """
    if concept is None:
        return None
    for coding in concept.coding or ():
        if coding.code in CODES:
            return float(CODES[coding.code])
    words = [concept.text, *(coding.display for coding in concept.coding or ())]
    found = {
        WORDS[word.strip().lower()] for word in words if word and word.strip().lower() in WORDS
    }
    return float(found.pop()) if len(found) == 1 else None
