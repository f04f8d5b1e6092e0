"""NEWS2, with parts, partial scores and ranges.

Source: Royal College of Physicians, National Early Warning Score (NEWS) 2, 2017. A missing part is
never scored as normal: the score then has no total but a least and a greatest value. A value of
which only a bound is known scores what the bound makes certain: "<70 %" of oxygen is 3 points.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from models.patient.chart import Reading, Unusable
from models.patient.conflicts import ONE_SET
from models.patient.news2_table import LABELS, SCALE2_TABLES, UNITS, WORST, span
from models.patient.snapshot import MISSING, STALE, UNREAD, UNUSABLE, Snapshot

MEASURED = tuple(UNITS)
YOUNGEST = 16
# Two variables speak of oxygen, and two of consciousness. Within one set the graver counts.
SPOKEN_OF_BY = {"oxygen": ("fio2", "oxygen_flow"), "consciousness": ("acvpu", "gcs")}
# Why a part has no points, the most telling first.
WHY = {
    UNUSABLE: "can't be used",
    UNREAD: "could not be read",
    STALE: "too old",
    MISSING: "not charted",
}
# What saturation is called where its scale for a target of 88 to 92 % counts.
SCALE2 = "SpO2 (scale 2)"
# The most parts that are named one by one where they are missing.
MOST_NAMED = 2
Value = float | Unusable | None


@dataclass(frozen=True, slots=True)
class Part:
    """One parameter of a score; `points` is None when they can't be told, `least` to `most` is what
    they could be, and `why` says why they can't.
    """

    name: str
    label: str
    points: int | None
    value: str | None
    least: int
    most: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class Score:
    """A score with its parts; `total` is None when a part is missing, then `low` to `high` is
    what it could be.
    """

    name: str
    total: int | None
    low: int
    high: int
    parts: tuple[Part, ...]
    missing: tuple[str, ...]
    band: str

    @property
    def red(self) -> bool:
        """Tell whether one parameter alone scores 3 for certain."""
        return any(part.least == 3 for part in self.parts)

    @property
    def known(self) -> bool:
        """Tell whether anything is known of it."""
        return len(self.missing) < len(self.parts) or self.low > 0

    @property
    def figure(self) -> str:
        """Return name and total, or the range where there is none."""
        span = f"{self.low} to {self.high}" if self.total is None else f"{self.total}"
        return f"{self.name} {span}"

    @property
    def words(self) -> str:
        """Return total or range, and the band if it is certain."""
        return self.figure if self.band == "unknown" else f"{self.figure} ({self.band})"

    @property
    def text(self) -> str:
        """Return the score as it is said, with what is missing and why; nothing where nothing is
        known.
        """
        if not self.known:
            return ""
        lacking = self.lacking if len(self.missing) <= MOST_NAMED else ""
        lacking = lacking or (f"{len(self.missing)} parts not known" if self.missing else "")
        return f"{self.words}: {lacking}" if lacking else self.words

    @property
    def lacking(self) -> str:
        """Return the parts without points, each with the reason, such as "air or oxygen not
        charted".
        """
        by_reason: dict[str, list[str]] = {}
        for part in self.parts:
            if part.points is None:
                by_reason.setdefault(part.why, []).append(within(part.label))
        return "; ".join(f"{listed(names)} {why}" for why, names in by_reason.items())


def chart_news2(snapshot: Snapshot) -> Score:
    """Return NEWS2 of the fresh readings; a person under 16, of unknown age, or dead gets no
    points at all.
    """
    if snapshot.age is None or snapshot.age < YOUNGEST or snapshot.chart.deceased:
        return news2({})
    return adult_news2(snapshot)


def adult_news2(snapshot: Snapshot, of_any_time: bool = False) -> Score:
    """Return NEWS2 whatever the age; `of_any_time` takes the newest value of each part, however
    old.
    """
    known = snapshot.latest if of_any_time else snapshot.fresh
    values: dict[str, Value] = {
        name: known[name].value if name in known else snapshot.unusable.get(name)
        for name in MEASURED
    }
    oxygen, level = (_said(snapshot, known, name) for name in SPOKEN_OF_BY)
    values |= {"oxygen": _oxygen(oxygen), "acvpu": _consciousness(level)}
    why = {name: _why(snapshot, name) for name in LABELS}
    if not _scale2(known):
        return news2(values, why=why)
    # What is graver for a body, and so counts, may score less.
    scores = [news2(values | {"spo2": one}, True, why) for one in _saturations(snapshot, known)]
    return max(scores, key=lambda score: (score.low, score.high))


def is_child(snapshot: Snapshot) -> bool:
    """Tell whether a patient is known to be younger than those for whom NEWS2 is made."""
    return snapshot.age is not None and snapshot.age < YOUNGEST


def listed(names: list[str]) -> str:
    """Return names as a sentence lists them: "a, b and c"; there is one at least."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _why(snapshot: Snapshot, part: str) -> str:
    states = [snapshot.unknown.get(name) for name in SPOKEN_OF_BY.get(part, (part,))]
    return next((words for state, words in WHY.items() if state in states), "")


def _said(
    snapshot: Snapshot, known: Mapping[str, Reading], part: str
) -> list[tuple[str, float | Unusable]]:
    """Return what the variables of a part say of its newest moment, as (variable, value)."""
    found = [
        (item.time, name, item.value if isinstance(item, Reading) else item)
        for name in SPOKEN_OF_BY[part]
        if (item := known.get(name) or snapshot.unusable.get(name))
    ]
    newest = max((time for time, *_ in found), default=snapshot.at)
    return [(name, value) for time, name, value in found if time >= newest - ONE_SET]


def _oxygen(said: list[tuple[str, float | Unusable]]) -> float | None:
    """Return 1 on oxygen, 0 on air, None when the chart says neither, or not for certain."""
    given = [_given(name, value) for name, value in said]
    return 1.0 if True in given else None if None in given or not given else 0.0


def _given(name: str, value: float | Unusable) -> bool | None:
    """Tell whether a fraction or a flow says that oxygen is given."""
    least, greatest = _bounds(value)
    air = 21.0 if name == "fio2" else 0.0
    if least is not None and least > air:
        return True
    return False if greatest is not None and greatest <= air else None


def _consciousness(said: list[tuple[str, float | Unusable]]) -> float | None:
    """Return ACVPU points from the newest of ACVPU and coma score, the graver of one moment; a
    coma score below 15 is not alert.
    """
    levels = [_level(name, value) for name, value in said]
    gravest = max((level for level in levels if level is not None), default=None)
    return gravest if gravest or None not in levels else None


def _level(name: str, value: float | Unusable) -> float | None:
    least, greatest = _bounds(value)
    if name == "acvpu":
        return value if isinstance(value, float) else None
    if greatest is not None and greatest < 15:
        return 2.0
    return 0.0 if least is not None and least >= 15 else None


def _scale2(known: Mapping[str, Reading]) -> bool:
    target, reading = known.get("spo2_target"), known.get("spo2")
    return bool(target and reading and target.time == reading.time)


def _saturations(snapshot: Snapshot, known: Mapping[str, Reading]) -> tuple[float, ...]:
    """Return what the chart says of the newest minute of SpO2; the value that counts first."""
    said = (one.values for one in snapshot.conflicts if one.variable == "spo2")
    return (known["spo2"].value, *next(said, ()))


def news2(
    values: Mapping[str, Value], scale2: bool = False, why: Mapping[str, str] | None = None
) -> Score:
    """Score the seven parameters of NEWS2.

    Shape: heart_rate and respiratory_rate /min, spo2 %, systolic mm[Hg], temperature Cel, oxygen 1
    or 0 (on oxygen or air), acvpu 0 to 4; a measured one may be Unusable, whose bound then counts.
    Missing or None is unknown; `why` says by part why it is. `scale2` only where a clinician has
    set a target of 88-92 %.
    """
    parts = tuple(_part(name, values, scale2, (why or {}).get(name, "")) for name in LABELS)
    missing = tuple(part.label for part in parts if part.points is None)
    low, high = sum(part.least for part in parts), sum(part.most for part in parts)
    total = None if missing else low
    return Score("NEWS2", total, low, high, parts, missing, _band(low, high, parts))


def _bounds(value: Value) -> tuple[float | None, float | None]:
    return value.certain if isinstance(value, Unusable) else (value, value)


def _part(name: str, values: Mapping[str, Value], scale2: bool, why: str) -> Part:
    value = values.get("acvpu" if name == "consciousness" else name)
    label = SCALE2 if name == "spo2" and scale2 and value is not None else LABELS[name]
    if value is None:
        return Part(name, label, None, None, 0, WORST.get(name, 3), why or WHY[MISSING])
    if isinstance(value, Unusable):
        words = value.written
    elif name in UNITS:
        words = f"{value:g} {UNITS[name]}"
    else:
        words = ("oxygen" if value else "air") if name == "oxygen" else "ACVPU"[int(value)]
    least, most = _points(name, value, scale2, values.get("oxygen"))
    if least == most:
        return Part(name, label, least, words, least, most)
    return Part(name, label, None, None, least, most, why or "not certain")


def _points(name: str, value: float | Unusable, scale2: bool, oxygen: Value) -> tuple[int, int]:
    if name in ("oxygen", "consciousness"):
        worst = WORST.get(name, 3)
        return (worst, worst) if value else (0, 0)
    if name == "spo2" and scale2:
        return _scale2_points(value, oxygen)
    return span(name, *_bounds(value))


def _scale2_points(value: float | Unusable, oxygen: Value) -> tuple[int, int]:
    """Score SpO2 on scale 2; above 92 % it can't be scored until it is known whether oxygen is
    given.
    """
    on_air, on_oxygen = (span(table, *_bounds(value)) for table in SCALE2_TABLES)
    if oxygen is None:
        return min(on_air[0], on_oxygen[0]), max(on_air[1], on_oxygen[1])
    return on_oxygen if oxygen else on_air


def within(label: str) -> str:
    """Return a label as it stands within a sentence: SpO2 and BP keep their capitals."""
    return (
        label if label[1:2].isupper() or label.startswith("SpO2") else label[0].lower() + label[1:]
    )


def _band(low: int, high: int, parts: tuple[Part, ...]) -> str:
    """Return the clinical risk that is certain from the known parts; unknown when it can't be
    told from low: what is missing may be a 3, which asks for an urgent review.
    """
    if low >= 7:
        return "high"
    if low >= 5:
        return "medium"
    if any(part.least == 3 for part in parts):
        return "low-medium"
    return "low" if high < 5 and all(part.most < 3 for part in parts) else "unknown"
