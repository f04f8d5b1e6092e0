"""Turns a charted level of consciousness into ACVPU points: 0 alert, 1 new confusion, 2 voice, 3
pain, 4 unresponsive (RCP NEWS2, 2017); levels.csv holds the codes and words.
"""

import csv
import re
from functools import cache
from pathlib import Path

from models.patient.vocabulary import coded
from models.reading.fhir import Coding, Concept

TABLE = Path(__file__).with_name("levels.csv")
# "A - Alert" and "Alert (A)" say one thing twice.
BETWEEN = re.compile(r"\s+[-–]\s+|\s*[=:()/]\s*")
Meanings = tuple[dict[tuple[str, str], str], dict[str, str]]


def acvpu_points(concept: Concept | None) -> float | None:
    """Return the points of a coded or written level; None when it is not known. Where code and
    words disagree the graver counts.

    A free text that is not one of the table's words is never guessed at.
    """
    found = answers("acvpu", concept) if concept else set()
    return max((float(points) for points in found), default=None)


def answers(use: str, concept: Concept) -> set[str]:
    """Return what the codes, displays and text of a concept mean by the table's rows of a use."""
    by_code, words = meanings(use)
    codings = concept.coding or ()
    found = {by_code.get(key) for coding in codings for key in _keys(coding)}
    found |= {_word(words, text) for text in (concept.text, *(c.display for c in codings)) if text}
    return {means for means in found if means is not None}


@cache
def meanings(use: str) -> Meanings:
    """Return what the table's rows of a use mean, by (system, code) and by folded word."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["use"] == use]
    by_code = {(row["system"], row["code"]): row["means"] for row in rows if row["code"]}
    words = {word: row["means"] for row in rows for word in row["words"].split("|") if word}
    return by_code, words


def _keys(coding: Coding) -> list[tuple[str, str]]:
    """Return (system, code), in both systems where a coding names none."""
    system = coded(coding.system)
    systems = ["loinc", "snomed"] if coding.system is None else [system] if system else []
    return [(name, coding.code or "") for name in systems]


def _word(words: dict[str, str], text: str) -> str | None:
    folded = " ".join(text.split()).lower()
    if folded in words:
        return words[folded]
    parts = {words.get(part) for part in BETWEEN.split(folded) if part}
    return parts.pop() if len(parts) == 1 else None
