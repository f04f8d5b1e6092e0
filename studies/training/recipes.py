"""What is trained: one Recipe a model, its outcome, its landmarks, how its bands are cut, and
what is shown again without a value.
"""

from dataclasses import dataclass, field

from studies.boosting.start import Start


@dataclass(frozen=True)
class Recipe:
    """How one model is made. A row is a landmark: every `every` hours from hour `first`, up to
    `last`.

    `medium_sensitivity` is the share of events that the medium band finds. `shown_again`
    names variables whose rows are shown again without them, with a weight: where to have been
    measured at all tells the outcome at one hospital, the model would learn the hospital's habits.
    `least_patients` have to have the outcome, and as many not. `red` and `extreme` are the log-odds
    that a vital sign of 3 NEWS2 points and one that is hardly ever seen add before any data
    (studies/boosting/prior.py). A row before an event counts 1 + `early_weight` times as much right
    before it, which falls to a third every `early_days` before. Within `acute_hours` an event
    is judged apart; 0 judges none. `spreads` names the vital signs whose spread a model sees: it
    can't be bound, so that a course to worse may lower the risk by it. `start` is a version whose
    trees come first, in place of those made by hand.
    """

    name: str
    outcome: str
    label: str
    horizon: str
    first: int
    every: int
    last: int
    trees: int
    medium_sensitivity: float
    command: str
    shown_again: dict[str, float] = field(default_factory=dict)
    least_patients: int = 1
    red: float = 0.3
    extreme: float = 0.3
    early_weight: float = 0.0
    early_days: float = 2.0
    acute_hours: float = 0.0
    spreads: tuple[str, ...] = ()
    start: Start | None = None


# One outcome of death leads, and it is death in hospital: its rows count the more the sooner the
# patient dies. Trained on 2012 a and tried on b, and the other way round, AUROC for deaths within
# 36 h rises from 0.872 to 0.878 with that, and for death in hospital at hour 48 it is 0.859 with
# and without; at twice the weight 0.884 and 0.857. A sum of two boosters, one of them for 36 h
# alone, does no more and costs twice the trees. In 2012 a respiratory rate was charted only for
# those who breathe by themselves (28 % of rows; 7.6 % died, of all 14.0 %): to have one looked
# protective, even at 30. Shown again without it, having one says little. Urine is measured of who
# has a catheter.
DETERIORATION = Recipe(
    name="deterioration", outcome="death", label="death in hospital",
    horizon="during this hospital stay", first=6, every=6, last=48, trees=400,
    medium_sensitivity=0.8, command="vigil train --physionet-2012 FOLDER",
    shown_again={"respiratory_rate": 1.0, "urine": 0.5}, extreme=0.75, early_weight=4.0,
    acute_hours=36.0,
    spreads=("respiratory_rate", "systolic", "diastolic", "mean_pressure", "temperature", "gcs"),
)  # fmt: skip
# In set A no stay without sepsis is longer than 59 h, so that later rows give the label away: from
# A to B, in B's first 58 h, AUROC is 0.764 without them and 0.743 with them. That inspired oxygen
# or lactate was measured at all told more of sepsis than its value did. Its calibration flattens
# what is grave, so that the trees made by hand weigh more.
SEPSIS = Recipe(
    name="sepsis", outcome="sepsis", label="sepsis within 6 h", horizon="Sepsis-3 onset", first=4,
    every=3, last=58, trees=400, medium_sensitivity=0.6,
    command="vigil train --physionet-2019 FOLDER", shown_again={"fio2": 1.0, "lactate": 1.0},
    red=0.6, extreme=0.6,
)  # fmt: skip
