"""Figures, their origin and their tables: what the model card, label and pages show of a model."""

from dataclasses import dataclass
from typing import Any

ABSENT = "not available"


@dataclass(frozen=True, slots=True)
class Figure:
    """One number; `path` leads to it in its file, None is not estimable, `n` and `events` are
    what it was counted on.
    """

    path: str
    label: str
    value: float | None
    interval: tuple[float, float] | None
    n: int | None
    events: int | None
    meaning: str = ""

    @property
    def shown(self) -> str:
        """Return the value for people."""
        return "not estimable" if self.value is None else written(self.value)

    @property
    def span(self) -> str:
        """Return the 95 % interval for people."""
        return (
            f"{written(self.interval[0])} to {written(self.interval[1])}"
            if self.interval
            else ABSENT
        )

    @property
    def in_words(self) -> str:
        """Return name, value and interval in one breath."""
        return f"{self.label} {self.shown}" + (
            f" (95 % interval {self.span})" if self.interval else ""
        )


@dataclass(frozen=True, slots=True)
class Origin:
    """How figures were made: in which file they are, on which data, when, with which code, of
    which model.
    """

    file: str
    data: str
    kind: str
    date: str
    code_version: str
    model_sha256: str

    @property
    def in_words(self) -> str:
        """Return it in one breath."""
        return (
            f"{self.data} ({self.kind}); date {self.date}; code version {self.code_version}; "
            f"model SHA-256 {self.model_sha256}"
        )


@dataclass(frozen=True, slots=True)
class Table:
    """Figures of one origin under one head of the key metrics; `unit` is what n counts."""

    head: str
    title: str
    unit: str
    origin: Origin
    figures: tuple[Figure, ...]


def counted(number: int | None) -> str:
    """Return n or events for people."""
    return f"{number:,}" if isinstance(number, int) else ABSENT


def ranged(figure: dict[str, Any]) -> str:
    """Return the value and the 95 % interval of a figure as a manifest holds it."""
    low, high = figure["interval"]
    return f"{written(figure['value'])} ({written(low)} to {written(high)})"


def written(value: float) -> str:
    """Return a figure as the card writes it: three decimals, one from 10 on."""
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"
