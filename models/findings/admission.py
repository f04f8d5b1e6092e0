"""Finds what is to be charted of somebody who was just admitted, for a first NEWS2 and a first
risk.

Observations are due at the admission itself (NICE CG50, 2007, 1.1; RCP, NEWS2, 2017): what lacks of
a set is asked for now. Blood is not: what a model would like to know is no reason to take a sample,
so that is named for the first one that is taken anyway, and arterial blood is not named at all.
"""

from collections.abc import Iterator, Mapping

from models.findings.finding import Finding
from models.patient.news2 import WHY, YOUNGEST, Score, listed, within
from models.patient.series import SISTERS
from models.patient.snapshot import MISSING, STALE, UNREAD, Snapshot
from models.patient.vocabulary import VARIABLES

DUE = "RCP NEWS2 (2017); NICE CG50 (2007)"
NAMED = 4
ARTERIAL = {"ph", "paco2", "pao2"}


def to_chart(snapshot: Snapshot, score: Score, evidence: Mapping[str, float]) -> Iterator[Finding]:
    """Yield which parts of a first NEWS2 are to be charted now, and which laboratory values a model
    goes by most and lacks; `evidence` is the weight of each variable, empty where no model is for
    this patient.

    What may stand in a part that could not be read is not asked for.
    """
    if snapshot.age is None or snapshot.age < YOUNGEST:
        return
    lacking = [part for part in score.parts if part.points is None and part.why != WHY[UNREAD]]
    if lacking:
        whole = len(lacking) == len(score.parts)
        names = "all seven parts" if whole else listed([within(part.label) for part in lacking])
        sentence = f"To chart now for a first NEWS2: {names}."
        yield Finding("info", "to chart", None, None, names, None, sentence, DUE)
    weighty = sorted(evidence, key=evidence.__getitem__, reverse=True)
    wanted = [VARIABLES[name].label for name in weighty if _wanted(name, snapshot)][:NAMED]
    if wanted:
        sentence = f"For the risk, with the first blood sample: {listed(wanted)}."
        source = "what the model goes by most"
        yield Finding("info", "sample", None, None, ", ".join(wanted), None, sentence, source)


def _wanted(name: str, snapshot: Snapshot) -> bool:
    """Tell whether a laboratory value lacks that no sister variable stands for."""
    laboratory = name in VARIABLES and VARIABLES[name].group == "labs" and name not in ARTERIAL
    lacks = snapshot.unknown.get(name) in (MISSING, STALE)
    return laboratory and lacks and SISTERS.get(name) not in snapshot.fresh
