"""Turns the sense battery's part of a validation into Figures, and says what each counts."""

from typing import Any

from models.card.figures import Figure, counted
from models.patient.vocabulary import VARIABLES

WORDS = {
    "passed": "nothing that is looked at is wrong",
    "falls": "a worse value lowers the risk",
    "red_not_raised": "a grave value hardly raises the risk",
    "air": "breathing air is told as raising the risk",
    "contributions": "a value with 2 or 3 NEWS2 points is told as lowering the risk",
}


def sense_figures(found: dict[str, Any]) -> tuple[Figure, ...]:
    """Return the share of the steps that pass, and of those that fail by kind; `n` is how many
    steps were judged by it. None where a validation has no such part.
    """
    figures = (found.get("sense") or {}).get("figures") or {}
    return tuple(
        Figure(
            f"sense/figures/{name}",
            f"steps in which {words}",
            figures[name].get("value"),
            None,
            figures[name].get("steps"),
            None,
            f"{counted(figures[name].get('number'))} of {counted(figures[name].get('steps'))}",
        )
        for name, words in WORDS.items()
        if name in figures
    )


def sensible(found: dict[str, Any]) -> str | None:
    """Return in a sentence how often the model makes sense of patients who get worse."""
    part = found.get("sense") or {}
    passed = (part.get("figures") or {}).get("passed") or {}
    if passed.get("value") is None:
        return None
    strange = ", ".join(VARIABLES[name].label for name in part.get("unknown") or ())
    never = f" It has never seen a value of: {strange}." if strange else ""
    return (
        f"Of {counted(passed.get('steps'))} steps in which one variable of a made patient got "
        f"worse, {100 * passed['value']:.1f} % pass.{never}"
    )
