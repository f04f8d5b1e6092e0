"""Tells from codes and words that stand around a value whether it is of the variable's own site and
kind, of another, or of one that Vigil does not know; contexts.csv holds them.

A pulmonary pressure is a pressure, and a goal for the pulse is a rate, but neither is the arm's
pressure now. Words decide only where no code does, and only against a value.
"""

import csv
import re
import unicodedata
from collections.abc import Iterable
from functools import cache, lru_cache
from pathlib import Path

from models.patient.vocabulary import VARIABLES, Variable, asked_by, coded
from models.reading.fhir import Coding, Concept

TABLE = Path(__file__).with_name("contexts.csv")
OWN, OTHER, UNKNOWN = "own", "other", "unknown"
MDC = {"urn:iso:std:iso:11073:10101": "mdc", "urn:oid:2.16.840.1.113883.6.24": "mdc"}
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
LONGEST_WORDS = 200


def verdict(concepts: Iterable[Concept | None], where: str, variable: Variable) -> str:
    """Return OWN, OTHER or UNKNOWN for what stands at `where` ("code", "bodySite", "method" or
    "position") beside a value of a variable; OWN where nothing does.
    """
    found = [_one(concept, where, variable) for concept in concepts if concept is not None]
    return next((word for word in (OTHER, UNKNOWN) if word in found), OWN)


def meant(code: Concept | None) -> str:
    """Return what another site or kind is called whose code stands without a word, or nothing."""
    codings = (code.coding if code else None) or ()
    if code is None or code.text or any(coding.display for coding in codings):
        return ""
    names = [_named().get((_system(coding), coding.code or ""), "") for coding in codings]
    return min(filter(None, names), key=len, default="")


def is_activity(categories: Iterable[Concept]) -> bool:
    """Tell whether a category says that the patient was exercising."""
    for concept in categories:
        for coding in concept.coding or ():
            if coding.code == "activity" and coding.system in (CATEGORY, None):
                return True
    return False


def _one(concept: Concept, where: str, variable: Variable) -> str:
    words = [concept.text] if concept.text else []
    own = False
    for coding in concept.coding or ():
        means = _by_code().get((where, _system(coding), coding.code or ""), {})
        kind = means.get(variable.name) or means.get("all")
        if kind in ("site", "kind"):
            return OTHER
        if kind == OWN or (where == "code" and asked_by(coding.system, coding.code)):
            own = True
        elif coding.display:
            words.append(coding.display)
    if any(_names_other(text[:LONGEST_WORDS], variable.name) for text in words):
        return OTHER
    empty = not concept.coding and not concept.text
    return OWN if own or empty or not variable.sign else UNKNOWN


def _system(coding: Coding) -> str:
    return coded(coding.system) or MDC.get(coding.system or "") or ""


@lru_cache(maxsize=4096)
def _names_other(text: str, variable: str) -> bool:
    """Tell whether a text names another site, kind or body than the variable's own."""
    pattern = _words().get(variable)
    return bool(pattern and pattern.search(_folded(text)))


def _folded(text: str) -> str:
    """Return a text in small letters without accents, its words one space apart."""
    bare = unicodedata.normalize("NFKD", text.casefold())
    return " ".join(
        re.findall(r"[^\W_]+", "".join(c for c in bare if not unicodedata.combining(c)))
    )


@cache
def _by_code() -> dict[tuple[str, str, str], dict[str, str]]:
    """Return by place, system and code what a code says, by variable or for "all"."""
    found: dict[tuple[str, str, str], dict[str, str]] = {}
    for row in _rows():
        if row["where"] != "word":
            means = found.setdefault((row["where"], row["system"], row["code"]), {})
            means |= dict.fromkeys(row["variables"].split(), row["verdict"])
    return found


@cache
def _named() -> dict[tuple[str, str], str]:
    rows = [row for row in _rows() if row["where"] == "code" and row["verdict"] != OWN]
    return {(row["system"], row["code"]): row["meaning"] for row in rows}


@cache
def _words() -> dict[str, re.Pattern[str]]:
    """Return by variable a pattern of all words that speak against it; a star ends a beginning."""
    found: dict[str, list[str]] = {}
    for row in _rows():
        if row["where"] != "word":
            continue
        names = VARIABLES if row["variables"] == "all" else row["variables"].split()
        for name in names:
            # A specimen says whose blood a laboratory value is of, a method how it was assayed, and
            # 24 h over what time urine was gathered: only another body makes it another value.
            if VARIABLES[name].sign or row["meaning"] == "another body":
                found.setdefault(name, []).extend(row["code"].split("|"))
    return {
        name: re.compile(r"\b(?:" + "|".join(map(_pattern, words)) + ")")
        for name, words in found.items()
    }


def _pattern(word: str) -> str:
    folded = re.escape(_folded(word))
    return folded if word.endswith("*") else rf"{folded}\b"


def _rows() -> list[dict[str, str]]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
