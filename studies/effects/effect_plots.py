"""Turns a model and a sample of its rows into the global explanation plots of the model card:
plots/*.png and plots/plots.json.

Drawn by the shap library once, when a model is trained; a serving process only sends the files. The
points are rows of the training data, which are open and de-identified. Still no chart can be read
off: each variable has its points in an order of its own; the beeswarm shows a value as a colour
alone; where it is an axis, it is rounded to the digits that are printed and jittered, and the
rarest values at either end are left out.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from models.fitted.whole import write_folder_whole
from studies.effects.effects import ENDS, Effect, effects

SEED, MOST_ROWS = 20261121, 3000
LEADING, PANELS = 15, 8


def draw(
    text: str,
    features: Sequence[str],
    x: np.ndarray,
    newest: Mapping[str, np.ndarray],
    folder: Path,
) -> list[dict]:
    """Write `<folder>/plots/` whole or not at all; return what its plots.json says: file, title,
    alt and table of each plot.

    `x` is rows x features, NaN is missing, `newest` each variable's newest value in these rows; of
    more than 3,000 rows a seeded sample is drawn. The same input gives the same bytes. Raises
    ValueError when features, rows and model do not fit together.
    """
    from studies.effects import effect_pictures

    x = np.asarray(x, dtype=float)
    if len(x) > MOST_ROWS:
        drawn = np.sort(np.random.default_rng(SEED).choice(len(x), MOST_ROWS, replace=False))
        x, newest = x[drawn], {name: values[drawn] for name, values in newest.items()}
    found = effects(text, features, x, newest)
    leading, panels = found[:LEADING], found[:PANELS]
    with effect_pictures.drawing(SEED):
        images = [
            effect_pictures.beeswarm(leading),
            effect_pictures.importance(leading),
            effect_pictures.dependence(panels),
        ]
    plots = [_beeswarm(leading), _importance(found), _dependence(panels)]
    listed = json.dumps(plots, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    write_folder_whole(
        folder / "plots",
        {plot["file"]: image for plot, image in zip(plots, images, strict=True)}
        | {"plots.json": listed.encode()},
    )
    return plots


def _beeswarm(found: Sequence[Effect]) -> dict:
    rows, first = len(found[0].value), found[0]
    low, high = np.percentile(first.log_odds, (1, 99))
    alt = (
        f"Beeswarm plot, one line a variable, one dot for each of {rows:,} rows, from lowering "
        "to raising the risk. "
        f"What moves the risk most: {_list([effect.label for effect in found[:3]])}; "
        f"{first.label} alone by {_signed(low)} to {_signed(high)} in log-odds: {first.words}."
    )
    return _plot(
        "beeswarm.png", f"What moves the risk: a dot for each of {rows:,} rows", alt, found
    )


def _importance(found: Sequence[Effect]) -> dict:
    shown = found[:LEADING]
    longest = _list([f"{effect.label} ({effect.mean:.2f})" for effect in shown[:3]])
    groups = {
        words: [effect.label for effect in shown if effect.words == words]
        for words in dict.fromkeys(e.words for e in shown)
    }
    directions = "; ".join(f"{words}: {_list(labels)}" for words, labels in groups.items())
    alt = (
        f"Bars of the mean effect in log-odds for {len(shown)} of {len(found)} variables; "
        f"longest for {longest}. By direction, {directions}."
    )
    return _plot(
        "importance.png", "How far each variable moves the risk, and in which direction", alt, found
    )


def _dependence(found: Sequence[Effect]) -> dict:
    courses = "; ".join(_course(effect) for effect in found if effect.course)
    alt = (
        f"{len(found)} small plots of the newest value against the effect in log-odds, with "
        f"the mean of each tenth of the rows. {courses}."
    )
    return _plot(
        "dependence.png",
        f"How the risk follows the newest value of the leading {len(found)} variables",
        alt,
        found,
    )


def _course(effect: Effect) -> str:
    """Return in words where the mean effect begins and ends, and its lowest point where both
    ends are above it.
    """
    ends = [effect.course[0], effect.course[-1]]
    if effect.direction == ENDS:
        ends.insert(1, min(effect.course, key=lambda point: point[1]))
    points = " to ".join(
        f"{_signed(log_odds)} at {value:.{effect.digits}f}" for value, log_odds in ends
    )
    return f"{effect.label} {points} {effect.unit}".strip()


def _signed(log_odds: float) -> str:
    return f"{round(log_odds, 2) + 0.0:+.2f}".replace("-", "\N{MINUS SIGN}")


def _plot(file: str, title: str, alt: str, found: Sequence[Effect]) -> dict:
    return {"file": file, "title": title, "alt": alt, "table": [effect.row() for effect in found]}


def _list(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
