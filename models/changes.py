"""Turns two moments of a patient into what made the risk of the one that of the other.

The later moment is explained as any is, only that its reference is the same patient at the earlier
one. TreeSHAP has one base value, so that phi(later) - phi(earlier), summed over the features, is
exactly score(later) - score(earlier); stretched by the chord of the calibration it is the
difference of the risks in log-odds. Points and their rounding are those of models.explanation, but
for the digits: a column has those of the finer of its two risks.

A share may move though nothing was measured: values leave the two days that features look back, or
become too old to be used, and what a value adds depends on those beside it. The words say which.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from models.contributions import PARAMETERS, Contribution, habit, person
from models.drivers import driver_text
from models.explanation import Explanation, Share, by_variable, column, printed_risk
from models.fitted.model import Model, sigmoid
from models.patient.chart import Reading
from models.patient.features import DERIVED, FeatureRow
from models.patient.inputs import origin, percent
from models.patient.news2 import Score
from models.patient.printing import age, display, number
from models.patient.sides import base
from models.patient.snapshot import MISSING, STALE, UNREAD, UNUSABLE, Snapshot
from models.patient.vocabulary import VARIABLES

# Why a variable has no value at a moment.
WHY = {
    MISSING: "not known",
    STALE: "too old",
    UNREAD: "could not be read",
    UNUSABLE: "could not be used",
}
BESIDE = "beside the other values"


class Basis(NamedTuple):
    """What a risk is one of: a model, and a patient at a moment for which a number is due, as the
    row of features, the snapshot that it was made of, and NEWS2.
    """

    model: Model
    row: FeatureRow
    snapshot: Snapshot
    news2: Score


@dataclass(frozen=True, slots=True)
class Moved(Contribution):
    """What one variable adds from one moment to the other; `value` and `age_hours` are the later
    ones, `driver` says all, and `short` the same in few words.
    """

    short: str = ""

    @property
    def text(self) -> str:
        """Return the value at both moments with its age, and what of it moved the risk."""
        return self.driver

    @property
    def brief(self) -> str:
        """Return the value at both moments."""
        return self.short


def changed(before: Basis, after: Basis) -> Explanation:
    """Return how the risk of a patient at one moment became that at another, by the same model."""
    model = after.model
    first, last = model.seen(before.row), model.seen(after.row)
    start, end = model.predictor.score(first), model.predictor.score(last)
    then, now = model.predictor.contributions(first), model.predictor.contributions(last)
    stretch = model.stretch(start, end)
    parts = by_variable(
        (name, stretch * (later - earlier))
        for name, earlier, later in zip(model.features, then, now, strict=False)
    )
    baseline, score = model.calibrated(start), model.calibrated(end)
    digits = int(any("." in percent(sigmoid(value)) for value in (baseline, score)))

    def tell(share: Share) -> Contribution:
        return _moved(share, parts[share.variable], before, after, digits)

    return Explanation(
        baseline,
        f"this patient {_apart(before, after)}",
        printed_risk(baseline, digits),
        printed_risk(score, digits),
        digits,
        column(parts, baseline, score, digits),
        tell,
    )


def _apart(before: Basis, after: Basis) -> str:
    hours = (after.snapshot.at - before.snapshot.at) / timedelta(hours=1)
    return f"{age(hours)} earlier"


def _moved(
    share: Share, parts: Mapping[str, float], before: Basis, after: Basis, digits: int
) -> Moved:
    name, log_odds, points = share
    if name not in VARIABLES:
        text = _person(name, before.row[name], after.row[name])
        own = after.row[name]
        return Moved(name, name, log_odds, points, own, None, text, True, digits, "", text)
    new, variable = after.snapshot.for_model(name), VARIABLES[name]
    given = {part.name: part.points or 0 for part in after.news2.parts}
    value, hours = (new.value, after.snapshot.hours(new)) if new else (None, None)
    note = habit(variable, value, given.get(PARAMETERS.get(name, name), 0)) if points < 0 else ""
    words = _words(name, parts, before, after)
    label, text, short = variable.label, *(f"{variable.label} {told}" for told in words)
    return Moved(name, label, log_odds, points, value, hours, text, True, digits, note, short)


def _words(name: str, parts: Mapping[str, float], before: Basis, after: Basis) -> tuple[str, str]:
    """Return a variable at both moments, and what of it moved the risk where that is not its newest
    value: with ages, and in few words.
    """
    old, new = before.snapshot.for_model(name), after.snapshot.for_model(name)
    variable, then, now = VARIABLES[name], _why(name, before), _why(name, after)
    if old is None and new is None:
        return f"{then} then, {now} now ({BESIDE})", f"{then}, {now} now"
    if new is None:
        return f"{_said(name, old, before)} then, {now} now", f"{_shown(old)} → {now}"
    if old is None:
        return f"{then} then, now {_said(name, new, after)}", f"{then} → {_shown(new)}"
    more = _more(parts, before, after)
    more = f"; {more}" if more else ""
    if (old.time, old.value) == (new.time, new.value):
        text = f"{_said(name, new, after)}, not measured again"
    else:
        text = f"{_said(name, old, before)} → {_said(name, new, after)}"
    alike = _shown(old) == _shown(new)
    short = _shown(new) + more if alike else f"{number(variable, old.value)} → {_shown(new)}"
    return text + more, short


def _shown(reading: Reading | None) -> str:
    return display(VARIABLES[reading.variable], reading.value) if reading else ""


def _why(name: str, basis: Basis) -> str:
    # What is fresh and no value for a model lies where bodies have it shortly before death.
    return WHY[basis.snapshot.unknown.get(name, UNUSABLE)]


def _said(name: str, reading: Reading | None, basis: Basis) -> str:
    """Return a value with its age at a moment, and what it was made from."""
    if reading is None:
        return ""
    made = origin(reading, basis.snapshot)
    old = f"{age(basis.snapshot.hours(reading))} old"
    return f"{display(VARIABLES[name], reading.value)} ({f'{made}, ' if made else ''}{old})"


def _more(parts: Mapping[str, float], before: Basis, after: Basis) -> str:
    """Return the words of the feature that moved the risk most, where it is another one than the
    newest value, which stands there already.

    What is as it was moved nothing: its share is another's, told twice.
    """
    way = 1 if sum(parts.values()) >= 0 else -1
    unlike = [name for name in parts if before.row[base(name)] != after.row[base(name)]]
    if not unlike:
        return BESIDE
    leading = base(max(unlike, key=lambda name: way * parts[name]))
    then, now = before.row[leading], after.row[leading]
    if now is None:
        return "how it went in two days is not known now"
    words, of_now = driver_text(leading, after.row, after.snapshot)
    if then is None:
        return "" if of_now else f"{words} (not known then)"
    earlier, of_then = driver_text(leading, before.row, before.snapshot)
    newest = of_now and of_then and leading not in DERIVED
    return "" if newest else f"{words} ({_then(words, earlier)})"


def _then(words: str, earlier: str) -> str:
    """Return what the earlier words say otherwise, without what both begin with."""
    now, then = words.split(), earlier.split()
    alike = next((n for n, (a, b) in enumerate(zip(now, then, strict=False)) if a != b), len(then))
    return "then " + (" ".join(then[alike:]) or "nearly the same")


def _person(name: str, then: float | None, now: float | None) -> str:
    if then == now:
        return f"{person(name, now)}, as then ({BESIDE})"
    return f"{person(name, then)} → {person(name, now)}"
