"""Turns the code of an Observation, or of a component, into what it asks for; once for each code,
since a chart asks the same few dozen questions hundreds of times.
"""

from functools import lru_cache

from models.patient.vocabulary import Variable, asked_by
from models.reading.codes.acvpu import answers
from models.reading.codes.contexts import verdict
from models.reading.fhir import Coding, Concept

REMEMBERED = 1024
# What is longer is understood anew each time, so that nobody fills the memory with it.
LONGEST, EACH = 1000, 20


class Question:
    """What a code asks for: `variables`, each by the first code that asks for it; `presence`, what
    it says of air or oxygen by being there; and whether it is `of_oxygen`, so that its answer may
    be a word.
    """

    def __init__(self, code: Concept | None) -> None:
        self._code = code
        self._verdicts: dict[str, str] = {}
        self.variables = _variables(code)
        self.presence = _codes("presence", code)
        names = {variable.name for variable in self.variables.values()}
        self.of_oxygen = bool(names & {"fio2", "oxygen_flow"} or _codes("question", code))

    def verdict(self, variable: Variable) -> str:
        """Return what its codes and words say of the site and kind of a variable's value."""
        found = self._verdicts.get(variable.name)
        if found is None:
            found = self._verdicts[variable.name] = verdict([self._code], "code", variable)
        return found


def question(code: Concept | None) -> Question:
    """Return what a code asks for."""
    return _remembered(code) if code is None or _length(code) <= LONGEST else Question(code)


_remembered = lru_cache(maxsize=REMEMBERED)(Question)


def _length(code: Concept) -> int:
    """Return how many characters a code holds in all; an empty coding takes memory, too."""
    length = len(code.text or "") + EACH * len(code.coding or ())
    for coding in code.coding or ():
        length += len(coding.system or "") + len(coding.code or "") + len(coding.display or "")
    return length


def _variables(code: Concept | None) -> dict[str, Variable]:
    found: dict[str, Variable] = {}
    for coding in code.coding or () if code else ():
        variable = asked_by(coding.system, coding.code)
        if variable is not None and variable not in found.values():
            found[coding.code or ""] = variable
    return found


def _codes(use: str, code: Concept | None) -> set[str]:
    """Return what the codes of a question, not its words, mean by the rows of a use."""
    codings = (code.coding if code else None) or ()
    return answers(use, Concept(tuple(Coding(one.system, one.code) for one in codings)))
