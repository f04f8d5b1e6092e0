"""Turns Effects into PNG bytes: shap's beeswarm, bar and scatter plots, in plain words and colours
that the colour-blind tell apart.

A figure has a white ground and a margin, so that it also stands on a dark page. No date and no
program's name is written into a file.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from PIL import Image

from studies.effects.effects import (
    ENDS,
    KNOWN,
    LOWERS,
    MIDDLE,
    RAISES,
    UNCLEAR,
    UNKNOWN,
    Effect,
    shap,
)

COLUMNS = 2
# 840 pixels: at half that width the letters are still ten pixels high.
WIDTH, DPI, COLOURS = 6.0, 140, 64
STYLE = {
    "font.size": 11, "figure.dpi": DPI, "figure.facecolor": "white",
    "figure.constrained_layout.use": True, "figure.constrained_layout.w_pad": 0.12,
    "figure.constrained_layout.h_pad": 0.12,
}  # fmt: skip
INK, GREY, PALE, BLUE, ORANGE, PURPLE, GREEN = (
    "#222222",
    "#777777",
    "#c4c4c4",
    "#0072b2",
    "#d55e00",
    "#7b4fa0",
    "#009e73",
)
MARKS = {
    RAISES: ("▲", ORANGE), LOWERS: ("▼", BLUE), ENDS: ("▲▼", PURPLE), MIDDLE: ("◆", PURPLE),
    KNOWN: ("●", GREEN), UNKNOWN: ("○", GREEN), UNCLEAR: ("–", GREY),
}  # fmt: skip
RISK = "◀ lowers the risk    (log-odds)    raises the risk ▶"
# Values beyond these percentiles are not drawn: they are few, and stretch every axis.
RAREST = (1, 99)
LEAST_MISSING = 0.05


@contextmanager
def drawing(seed: int) -> Iterator[None]:
    """Draw without a screen, in our own style and with a seed for shap's jitter; afterwards
    chance is as before and no figure left.
    """
    state, others = np.random.get_state(), set(plt.get_fignums())
    plt.switch_backend("agg")
    np.random.seed(seed)
    try:
        with plt.style.context(STYLE, after_reset=True):
            yield
    finally:
        for number in set(plt.get_fignums()) - others:
            plt.close(number)
        np.random.set_state(state)


def beeswarm(found: Sequence[Effect]) -> bytes:
    """Return a dot a row, coloured from the lowest to the highest value of its variable."""
    figure = plt.figure(figsize=(WIDTH, 1.6 + 0.42 * len(found)))
    explanation = shap().Explanation(
        np.column_stack([effect.log_odds for effect in found]),
        data=np.column_stack([effect.value for effect in found]),
        feature_names=[effect.label for effect in found],
    )
    # Its last, bright yellow would not be seen on white.
    colours = LinearSegmentedColormap.from_list(
        "low to high", plt.get_cmap("plasma")(np.linspace(0, 0.85, COLOURS))
    )
    with warnings.catch_warnings():
        # A variable that no row has is drawn in grey; its colours have no range.
        warnings.filterwarnings("ignore", "All-NaN slice", RuntimeWarning)
        ax = shap().plots.beeswarm(
            explanation,
            max_display=len(found),
            order=np.arange(len(found)),
            ax=figure.gca(),
            plot_size=None,
            s=9,
            color=colours,
            color_bar_label="the variable's value (grey: not known)",
            show=False,
        )
    _interleave(ax)
    ax.set_xlabel(RISK, fontsize=11, color=INK)
    ax.tick_params("y", length=0, labelsize=11)
    figure.axes[-1].set_yticklabels(["low", "high"])
    return _png(figure)


def _interleave(ax: Axes) -> None:
    """Mix the dots of known and unknown values, which shap draws one over the other, so that
    neither hides the other.
    """
    for unknown, known in zip(ax.collections[::2], ax.collections[1::2], strict=True):
        pale, coloured = np.asarray(unknown.get_offsets()), np.asarray(known.get_offsets())
        places = np.concatenate([pale, coloured])
        colours = np.full((len(places), 4), to_rgba(PALE))
        colours[len(pale) :] = known.to_rgba(np.asarray(known.get_array()))
        order = np.random.permutation(len(places))
        unknown.set(offsets=places[order], facecolors=colours[order])
        known.remove()


def importance(found: Sequence[Effect]) -> bytes:
    """Return bars of the mean absolute effect, in the colour and with the sign of the direction."""
    figure = plt.figure(figsize=(WIDTH, 2.5 + 0.36 * len(found)))
    means = np.array([effect.mean for effect in found])
    explanation = shap().Explanation(means, feature_names=[effect.label for effect in found])
    ax = shap().plots.bar(
        explanation,
        max_display=len(found),
        order=np.arange(len(found)),
        ax=figure.gca(),
        show=False,
    )
    for bar, number, effect in zip(ax.patches, ax.texts, found, strict=True):
        sign, colour = MARKS[effect.direction]
        bar.set_color(colour)
        number.set(text=f"{effect.mean:.2f} {sign}", color=INK, fontsize=11)
    ax.tick_params("y", labelsize=11)
    for label in ax.get_yticklabels():
        label.set_color(INK)
    ax.set_xlim(0, 1.25 * (means.max() or 1))
    ax.set_ylim(0.4, len(found) + 0.6)
    ax.set_xlabel("how far it moves the risk on average (log-odds)", fontsize=11, color=INK)
    shown = [words for words in MARKS if words in {effect.direction for effect in found}]
    figure.legend(
        [Patch(color=MARKS[words][1]) for words in shown],
        [f"{MARKS[words][0]}  {words}" for words in shown],
        loc="outside lower right",
        frameon=False,
    )
    return _png(figure)


def dependence(found: Sequence[Effect]) -> bytes:
    """Return a small plot a variable: newest value against effect, on one scale of the effect,
    with the mean of each tenth.
    """
    lines = -(-len(found) // COLUMNS)
    figure = plt.figure(figsize=(WIDTH, 0.9 + 2.25 * lines))
    panels = figure.subplots(lines, COLUMNS, sharey=True, squeeze=False).flat
    limits = _margin(
        *(
            pick([np.percentile(effect.log_odds, end) for effect in found])
            for pick, end in ((min, RAREST[0]), (max, RAREST[1]))
        )
    )
    for number, (ax, effect) in enumerate(zip(panels, found, strict=False)):
        _panel(ax, effect)
        ax.set_ylim(limits)
        ax.tick_params(labelleft=number % COLUMNS == 0)
    for ax in panels[len(found) :]:
        ax.set_axis_off()
    figure.supylabel(RISK, fontsize=11, color=INK)
    figure.supxlabel(
        (
            "dots: single rows     line: mean of each tenth\ndashed: mean where the variable is "
            "not known"
        ),
        fontsize=10,
        color=INK,
    )
    return _png(figure)


def _panel(ax: Axes, effect: Effect) -> None:
    known = effect.known
    ax.set_title(f"{effect.label}\n({_share(effect.missing)})", fontsize=11, color=INK)
    ax.axhline(0, color=PALE, linewidth=1, zorder=-1)
    if effect.missing >= LEAST_MISSING:
        ax.axhline(effect.log_odds[~known].mean(), color=INK, linestyle="--", linewidth=1.5)
    if not known.any():
        return
    value = effect.value[known]
    left, right = np.percentile(value, RAREST)
    drawn = (value >= left) & (value <= right)
    points = shap().Explanation(
        effect.log_odds[known][drawn],
        data=np.round(value[drawn], effect.digits),
        feature_names=effect.label,
    )
    shap().plots.scatter(
        points, color=BLUE, hist=False, dot_size=5, alpha=0.25, x_jitter=0.6, ax=ax, show=False
    )
    ax.plot(*zip(*effect.course, strict=True), color=INK, linewidth=2, marker="o", markersize=3)
    ax.set_xlim(_margin(left, right))
    ax.set_xlabel(effect.unit, fontsize=10, color=INK)
    ax.set_ylabel("")
    ax.tick_params(labelsize=10)
    if effect.name == "sex":
        ax.set_xticks([0, 1], ["female", "male"])


def _share(missing: float) -> str:
    if missing == 0:
        return "always known"
    return f"{100 * missing:.0f} % not known" if missing >= 0.01 else "under 1 % not known"


def _margin(left: float, right: float) -> tuple[float, float]:
    room = 0.05 * (right - left) or 0.5
    return left - room, right + room


def _png(figure: Figure) -> bytes:
    """Return the figure with few colours, which makes it small."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    file = BytesIO()
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    plt.close(figure)
    return file.getvalue()
