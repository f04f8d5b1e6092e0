"""Says what a model sees of each variable, and which way each may move the risk.

Worse never lowers the risk: every feature is a distance from normal and rises, but for sex and some
spreads, of which only data can tell which way they go. Trained on 2012 a and tried on b, and the
other way round, with the trees of studies/boosting/prior.py, AUROC at hour 48 is 0.859 against
0.860 of raw values bound as in 0.4.0, for deaths within 36 hours 0.872 against 0.860, and 0.799
against 0.783 for these where only vital signs are known.
"""

from collections.abc import Collection

from models.patient.features import DERIVED, LABS, URINE_RATES, VITALS
from models.patient.sides import ABOVE, BELOW, WORSE
from models.patient.vocabulary import VARIABLES

RISING, FREE, FALLING = 1, 0, -1
# Of these only one side is an illness, or the other has no end in sight.
NEVER_ABOVE, NEVER_BELOW = {"spo2", "gcs", "pao2"}, {"fio2"}
# Their values themselves are bound: a rise from low to normal is no harm, but rare and small.
ONE_WAY = {
    "lactate": RISING,
    "creatinine": RISING,
    "bun": RISING,
    "bilirubin": RISING,
    "albumin": FALLING,
}
# Of urea to creatinine none: it falls where creatinine rises, and took back what that adds.
RATIOS = {
    "heart_rate.shock_index": RISING,
    "spo2.over_fio2": FALLING,
    "pao2.over_fio2": FALLING,
}
CHANGES = ("change6", "change12", "change24")


def directions(spreads: Collection[str] = ()) -> dict[str, int]:
    """Return every feature of a model in order, each with RISING, FALLING or FREE; `spreads` names
    the vital signs whose spread it sees.
    """
    found = {"age": RISING, "sex": FREE}
    for name in VITALS:
        found |= _vital(name) | ({f"{name}.spread48": FREE} if name in spreads else {})
    for name in LABS:
        found |= _laboratory(name)
    # Less urine is worse; how much a diuretic brings is no illness.
    found |= dict.fromkeys(URINE_RATES, FALLING)
    return found | {name: RATIOS[name] for name in DERIVED if name in RATIOS}


def normals() -> dict[str, float]:
    """Return the middle from which sides are measured, by variable: the reference patient's."""
    middles = {name: VARIABLES[name].normal for name in (*VITALS, *LABS)}
    return {name: middle for name, middle in middles.items() if middle is not None}


def _vital(name: str) -> dict[str, int]:
    """Return the sides of the last value, of the extreme on that side and of the mean, and how much
    worse it has become.
    """
    found: dict[str, int] = {}
    for side, extreme, never in ((BELOW, "low48", NEVER_BELOW), (ABOVE, "high48", NEVER_ABOVE)):
        if name not in never:
            found |= {f"{name}{kind}.{side}": RISING for kind in ("", f".{extreme}", ".mean48")}
    # Where one side alone counts, the best of two days does too.
    if name in NEVER_ABOVE:
        found[f"{name}.high48.{BELOW}"] = RISING
    if name in NEVER_BELOW:
        found[f"{name}.low48.{ABOVE}"] = RISING
    return found | {f"{name}.{change}.{WORSE}": RISING for change in CHANGES}


def _laboratory(name: str) -> dict[str, int]:
    if name in ONE_WAY:
        return {name: ONE_WAY[name], f"{name}.change48": ONE_WAY[name]}
    sides = (BELOW,) if name in NEVER_ABOVE else (BELOW, ABOVE)
    return {f"{name}.{side}": RISING for side in sides} | {f"{name}.change48.{WORSE}": RISING}
