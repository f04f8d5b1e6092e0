"""Sets each risk of an Assessment beside the population of its model's validation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.assess import Assessment, Risk
from models.card.population import Bin, Counted, Population, population
from models.card.validation import kind_of
from models.certainty import INDETERMINATE, LEAST_SHOWN, lacking
from models.fitted.booster import ModelError
from models.fitted.model import Model, logit
from models.patient.inputs import percent
from runtime.logs import get_logger
from smartapp.comparing.distribution import Distribution, distribution

# The members of a validation.json that this asks; most of the rest is tables for the model card.
ASKED = ("data", "settings", "counts", "curves", "population")
# In log-odds: a mean that is further away speaks of others.
NEAR = 0.5
log = get_logger("comparing")


@dataclass(frozen=True, slots=True)
class Behind:
    """A model's population and the validation that it was counted in; `kind` is TEST, SEEN or OTHER
    of models.card.validation, `source` who the training's patients were where it is known.
    """

    model: Model
    population: Population
    validation: dict[str, Any]

    @property
    def kind(self) -> str:
        """Tell whether training has seen these records."""
        return kind_of(self.model.manifest, self.validation)

    @property
    def source(self) -> str | None:
        """Return who the patients of the training were."""
        return (self.model.manifest.get("source") or {}).get("population")

    @property
    def across(self) -> dict[str, Any]:
        """Return what was measured in each hospital that was left out of training."""
        return self.model.manifest.get("across") or {}


@dataclass(frozen=True, slots=True)
class Standing:
    """Of 100 rows and of 100 stays, how many have a lower risk than this; None for none of all."""

    risk: float
    rows: int | None
    stays: int | None


@dataclass(frozen=True, slots=True)
class Grade:
    """The rows of a bin whose charts lacked as much as this one, `share`; they lacked `low` up to
    `high`.
    """

    share: float
    low: float
    high: float
    counted: Counted


@dataclass(frozen=True, slots=True)
class Compared:
    """One risk beside its population; `key` begins its ids. Without a population all is None or
    empty.

    `standings` are of the risk, or of both ends of its interval where no band can be told. `like`
    are the rows with a like risk, None where there is none.
    """

    key: str
    risk: Risk
    behind: Behind | None = None
    standings: tuple[Standing, ...] = ()
    like: Bin | None = None
    grade: Grade | None = None
    plot: Distribution | None = None

    @property
    def sure(self) -> bool:
        """Tell whether the risk has a band."""
        return self.risk.band != INDETERMINATE

    @property
    def apart(self) -> str | None:
        """Return "more" or "fewer" where the outcome came so often, beyond chance, than the mean of
        those risks says.
        """
        if not self.like or not self.like.told:
            return None
        low, high = self.like.interval
        return "more" if low > self.like.risk else "fewer" if high < self.like.risk else None

    @property
    def unlike(self) -> str | None:
        """Return "lower" or "higher" where most of `like` had such a risk against this one, since
        those nearer to it are too few.
        """
        if not self.like:
            return None
        beyond = self.risk.score - logit(self.like.risk)
        return "lower" if beyond > NEAR else "higher" if beyond < -NEAR else None

    @property
    def reaches(self) -> tuple[str, str] | None:
        """Return the bands of both ends of the interval of `like`, where they are two."""
        if not self.behind or not self.like or not self.like.told:
            return None
        low, high = map(self.behind.model.band, self.like.interval)
        return None if low == high else (low, high)


def behind(model: Model, validation: dict[str, Any] | None) -> Behind | None:
    """Return what a model's risks are compared with; None where its version has nothing of it."""
    try:
        found = population(validation)
    except ModelError as error:
        log.error("population_refused", model=model.id.name, reason=str(error))
        return None
    return Behind(model, found, validation) if found and validation else None


def compared(assessment: Assessment, behind: Mapping[str, Behind | None]) -> tuple[Compared, ...]:
    """Return every risk beside its population, the leading one first; `behind` is by the name of
    the model.
    """
    return tuple(
        _compared(f"compare-{n}", risk, behind.get(risk.model.name))
        for n, risk in enumerate(assessment.risks, 1)
    )


def span(ends: tuple[float, float]) -> str:
    """Return an interval of shares as people read it: "27 to 39 %", "0 to 0.9 %"."""
    low, high = (often(end) for end in ends)
    return f"{low.removesuffix(' %')} to {high}"


def often(share: float) -> str:
    """Return how often something was; unlike a risk it may be never, or always."""
    return "0 %" if share < LEAST_SHOWN / 10 else "100 %" if share == 1 else percent(share)


def _compared(key: str, risk: Risk, found: Behind | None) -> Compared:
    if found is None or found.model.id != risk.model:
        return Compared(key, risk)
    people, sure = found.population, risk.certainty
    unsure = sure is not None and risk.band == INDETERMINATE
    ends = (sure.low, sure.high) if sure and unsure else (risk.probability,)
    like = people.like(risk.probability)
    return Compared(
        key,
        risk,
        found,
        tuple(Standing(end, people.above(end), people.above_stays(end)) for end in ends),
        like,
        _grade(found, like, lacking(found.model, sure)) if like and sure else None,
        distribution(found.validation, risk),
    )


def _grade(found: Behind, like: Bin, share: float) -> Grade | None:
    limits = found.population.lacking
    place = found.population.grade(share)
    if place is None or place >= len(like.lacking):
        return None
    ends = (0.0, *limits, 1.0)
    return Grade(share, ends[place], ends[place + 1], like.lacking[place])
