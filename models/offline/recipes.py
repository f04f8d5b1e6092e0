"""What is trained: one Recipe a model, its outcome, its landmarks, how its bands are cut, and what is shown again without a value."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Recipe:
    """How one model is made. A row is a landmark: every `every` hours from hour `first`, up to `last`.

    `medium_sensitivity` is the share of events that the medium band finds; `high_ppv` the share of events among rows from high on.
    `shown_again` names variables whose rows are shown again without them, with a weight: where to have been measured at all
    tells the outcome at one hospital, the model would learn the hospital's habits.
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
    high_ppv: float
    command: str
    shown_again: dict[str, float] = field(default_factory=dict)

    @property
    def thresholds_chosen(self) -> str:
        """Return in words how the bands were cut."""
        return (
            f"medium finds {100 * self.medium_sensitivity:.0f} % of the out-of-fold rows with {self.label}; "
            f"of the rows from high on, {100 * self.high_ppv:.0f} % have it"
        )


# In 2012 a respiratory rate was charted only for those who breathe by themselves (28 % of rows; 7.6 % died, of all 14.0 %): to
# have one looked protective, even at 30. Shown again without it, having one says little; it costs 0.006 of AUROC at home.
DETERIORATION = Recipe(
    name="deterioration", outcome="death", label="death in hospital", horizon="during this hospital stay", first=6, every=6, last=48,
    trees=400, medium_sensitivity=0.8, high_ppv=0.5, command="vigil train --physionet-2012 FOLDER",
    shown_again={"respiratory_rate": 2.0},
)  # fmt: skip
# Sepsis-3 onset is rare by the hour (2 %), so its bands are cut at a lower share of events.
SEPSIS = Recipe(
    name="sepsis", outcome="sepsis", label="sepsis within 6 h", horizon="Sepsis-3 onset", first=4, every=3, last=168,
    trees=400, medium_sensitivity=0.6, high_ppv=0.12, command="vigil train --physionet-2019 FOLDER",
)  # fmt: skip
