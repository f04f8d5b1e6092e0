"""Turns the sense battery's figures into what the release gate judges: for each kind of violation,
the share of the steps that may have it.
"""

from models.card.sense import WORDS

PREFIX = "sense_"
Finding = tuple[str, str, float | None, str, bool]


def sense_findings(found: dict, limits: dict) -> list[Finding]:
    """Return for each kind of violation the figure's name, its words, its value, its limit and
    whether it passes; what was not measured has no value and does not pass.

    `found` is a validation, `limits` are the gate's: one for each kind, `sense_` before its name.
    """
    figures = (found.get("sense") or {}).get("figures") or {}
    return [
        _finding(name, (figures.get(name.removeprefix(PREFIX)) or {}).get("value"), most)
        for name, most in limits.items()
        if name.startswith(PREFIX)
    ]


def _finding(name: str, value: float | None, most: float) -> Finding:
    words = f"share of made patients' steps to worse in which {WORDS[name.removeprefix(PREFIX)]}"
    passed = isinstance(value, float | int) and value <= most
    return name, words, value, f"at most {most:g}", passed
