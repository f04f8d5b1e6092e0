"""THE door: a Chart, a moment and models become an Assessment; hook, SMART page, batch and replay
all go through it.

It is pure: the same chart at the same moment gives the same assessment, which is what makes a card
replayable.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property, partial

from models.answerable import answerable
from models.certainty import INDETERMINATE, Certainty
from models.changes import Basis, changed
from models.contributions import Contribution
from models.course import row_at, scene, scored, told
from models.explanation import Explanation, explained
from models.findings.alarms import findings
from models.findings.finding import LEVELS, Finding, gravest
from models.findings.overdue import OVERDUE_FACTOR
from models.findings.response import response
from models.fitted.model import Model, ModelId, logit, sigmoid
from models.patient.chart import Chart, LeftOut
from models.patient.coverage import unread
from models.patient.features import FeatureRow, feature_row
from models.patient.inputs import Input, inputs, percent
from models.patient.news2 import YOUNGEST, Score, chart_news2
from models.patient.printing import age
from models.patient.series import series
from models.patient.snapshot import Snapshot, snapshot_at
from models.questions import QUESTIONS
from models.trend import new_since, trend

TREND = timedelta(hours=6)
# The bands in order, with the level of each.
BANDS = {"low": "info", "medium": "warning", INDETERMINATE: "warning", "high": "critical"}


@dataclass(frozen=True)
class Risk:
    """One outcome's calibrated probability and what drives it.

    `certainty` holds its interval; where that says so, `band` is "indeterminate" and `probability`
    is not to be shown alone. `earlier` is the probability six hours before, None when no number or
    no band could be given then; `new_since` labels what was not known then, and `trend` leaves that
    out. `explain` gives the explanation; it is called when that is first asked for, since TreeSHAP
    costs more than all else and a card shows only the leading risk's. `basis` is what it is the
    risk of.
    """

    outcome: str
    label: str
    horizon: str
    probability: float
    band: str
    score: float
    certainty: Certainty | None
    earlier: float | None
    trend: str | None
    model: ModelId
    thresholds: dict[str, float]
    explain: Callable[[], Explanation] = field(compare=False, repr=False)
    basis: Basis = field(compare=False, repr=False)
    new_since: tuple[str, ...] = ()

    @cached_property
    def explanation(self) -> Explanation:
        """Return how the risk of a healthy person becomes this one."""
        return self.explain()

    def since(self, before: "Risk") -> Explanation:
        """Return how this became what it is: of the same outcome, model and patient at an earlier
        moment.
        """
        return changed(before.basis, self.basis)

    @property
    def finding(self) -> Finding:
        """Return what the risk says as a finding."""
        sure = (
            "Risk not certain" if self.band == INDETERMINATE else f"{self.band.capitalize()} risk"
        )
        way = f", {self.trend}" if self.trend else ""
        sentence = f"{sure}: {self.figure} {self.label}{way}."
        source = f"model {self.model.name} {self.model.version}"
        level, value = BANDS[self.band], self.probability
        return Finding(level, "risk", None, value, self.figure, None, sentence, source)

    @property
    def beyond(self) -> float:
        """Return how far the risk lies above its own high threshold, in log-odds."""
        return self.score - logit(self.thresholds["high"])

    @property
    def figure(self) -> str:
        """Return the risk as it is shown: the interval in place of a number where no band can be
        told.
        """
        return (
            self.certainty.text
            if self.certainty and self.band == INDETERMINATE
            else percent(self.probability)
        )

    @property
    def baseline(self) -> float:
        """Return the log-odds of the reference patient; with all contributions they are `score`."""
        return self.explanation.baseline

    @property
    def contributions(self) -> tuple[Contribution, ...]:
        """Return what each variable adds to the risk of the reference patient, the greatest
        first.
        """
        return self.explanation.contributions


@dataclass(frozen=True)
class Assessment:
    """All that Vigil says of a patient at a moment; without a number `risks` is empty and
    `reasons` says why.

    `unavailable` names the models that would have been asked and could not be (G7). `question` is
    one of models.questions, or "" where nothing was asked but how ill the patient is.
    """

    patient: str
    at: datetime
    status: str
    reasons: tuple[str, ...]
    risks: tuple[Risk, ...]
    news2: Score
    inputs: tuple[Input, ...]
    rejected: dict[str, int]
    data_time: datetime | None
    age_years: int | None
    sex: str | None
    unread: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    unavailable: tuple[str, ...] = ()
    question: str = ""

    @property
    def telling(self) -> tuple[Finding, ...]:
        """Return the findings that a summary names: all above info, and what answers the
        question.
        """
        kinds = QUESTIONS[self.question].telling
        return tuple(one for one in self.findings if one.level != LEVELS[0] or one.kind in kinds)

    @property
    def data_age(self) -> str:
        """Return how old the newest value is, in words; empty where there is none."""
        return age((self.at - self.data_time) / timedelta(hours=1)) if self.data_time else ""

    @property
    def lead(self) -> Risk | None:
        """Return the risk that leads: the highest band, then that furthest beyond its high
        threshold.

        What can't be told may be high, so it goes before medium.
        """
        return self.risks[0] if self.risks else None

    @property
    def level(self) -> str:
        """Return the level of the gravest finding: "info", "warning" or "critical"."""
        return gravest(self.findings)

    @property
    def asked(self) -> str:
        """Return what the RCP asks for at this NEWS2; nothing for whom it is not made."""
        adult = self.age_years is not None and self.age_years >= YOUNGEST
        living = self.status != "deceased"
        return response(self.news2).line_at(self.level) if adult and living else ""


def assess(
    chart: Chart,
    at: datetime,
    models: Sequence[Model],
    overdue_factor: float = OVERDUE_FACTOR,
    missing: Iterable[str] = (),
    question: str = "",
) -> Assessment:
    """Assess a chart at `at` (aware UTC), from readings known by then; a set of observations that
    is overdue by more than `overdue_factor` times its interval is a warning. `missing` names the
    models that are in service and could not be loaded. `question` is one of models.questions, whose
    answers come to the findings.

    Raises ModelError when a model gives no finite number.
    """
    readings = series(chart)
    snapshot = snapshot_at(readings, at)
    status, reasons = answerable(snapshot)
    risks, score = list[Risk](), chart_news2(snapshot)
    if status == "scored":
        row, earlier = feature_row(snapshot), row_at(snapshot_at(readings, at - TREND))
        risks = [_risk(model, snapshot, row, earlier, score) for model in models]
    order = list(BANDS)
    risks.sort(key=lambda risk: (order.index(risk.band), risk.beyond), reverse=True)
    of_risks = [risk.finding for risk in risks]
    asked = QUESTIONS[question]
    factor = asked.overdue_factor or overdue_factor
    answers = asked.answers(readings, snapshot, score, models)
    used = {variable for model in models for variable in model.variables}
    return Assessment(
        chart.patient,
        at,
        status,
        reasons,
        tuple(risks),
        score,
        inputs(snapshot, used),
        chart.rejected,
        snapshot.newest,
        snapshot.age,
        chart.sex,
        tuple(unread(chart, at).values()),
        findings(snapshot, score, of_risks, factor, answers),
        chart.left_out,
        tuple(missing) if status == "scored" else (),
        question,
    )


def _risk(
    model: Model, snapshot: Snapshot, row: FeatureRow, past: FeatureRow | None, news2: Score
) -> Risk:
    seen, earlier = scene(model, row), scene(model, past) if past else None
    score, sure = scored(seen, model)
    now, (before, _) = sigmoid(score), told(earlier, model)
    band = INDETERMINATE if sure and sure.indeterminate else model.band(now)
    facts = model.manifest
    known = earlier if before is not None and band != INDETERMINATE else None
    return Risk(
        facts["outcome"],
        facts["label"],
        facts["horizon"],
        now,
        band,
        score,
        sure,
        before,
        trend(model, seen, known) if known else None,
        model.id,
        facts["thresholds"],
        partial(explained, model, row, snapshot, score, news2),
        Basis(model, row, snapshot, news2),
        new_since(model, row, past) if past else (),
    )
