"""NEWS2, with parts, partial scores and ranges; the published table as data.

Source: Royal College of Physicians, National Early Warning Score (NEWS) 2, 2017. A missing part is
never scored as normal: the score then has no total but a least and a greatest value.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from models.patient.snapshot import Snapshot

# Rows are (greatest value of the band, points), lowest band first.
BANDS: dict[str, tuple[tuple[float, int], ...]] = {
    "respiratory_rate": ((8, 3), (11, 1), (20, 0), (24, 2), (999, 3)),
    "spo2": ((91, 3), (93, 2), (95, 1), (100, 0)),
    "spo2_scale2_air": ((83, 3), (85, 2), (87, 1), (100, 0)),
    "spo2_scale2_oxygen": ((83, 3), (85, 2), (87, 1), (92, 0), (94, 1), (96, 2), (100, 3)),
    "systolic": ((90, 3), (100, 2), (110, 1), (219, 0), (999, 3)),
    "heart_rate": ((40, 3), (50, 1), (90, 0), (110, 1), (130, 2), (999, 3)),
    "temperature": ((35.0, 3), (36.0, 1), (38.0, 0), (39.0, 1), (99, 2)),
}
LABELS = {
    "respiratory_rate": "Respiration", "spo2": "SpO2", "oxygen": "Air or oxygen",
    "systolic": "Systolic BP", "heart_rate": "Pulse", "consciousness": "Consciousness",
    "temperature": "Temperature",
}  # fmt: skip
UNITS = {
    "respiratory_rate": "/min",
    "spo2": "%",
    "systolic": "mmHg",
    "heart_rate": "/min",
    "temperature": "°C",
}
WORST = {"oxygen": 2}
MEASURED = tuple(UNITS)
YOUNGEST = 16


@dataclass(frozen=True, slots=True)
class Part:
    """One parameter of a score; `points` and `value` are None when it is missing."""

    name: str
    label: str
    points: int | None
    value: str | None


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


def chart_news2(snapshot: Snapshot) -> Score:
    """Return NEWS2 of the fresh readings; a person under 16, or of unknown age, gets no points
    at all.
    """
    if snapshot.age is None or snapshot.age < YOUNGEST:
        return news2({})
    values = {name: snapshot.value(name) for name in MEASURED}
    return news2(
        values | {"oxygen": _oxygen(snapshot), "acvpu": _consciousness(snapshot)}, _scale2(snapshot)
    )


def _oxygen(snapshot: Snapshot) -> float | None:
    """Return 1 on oxygen, 0 on air, None when the chart says neither."""
    last = max(
        (r for name in ("fio2", "oxygen_flow") if (r := snapshot.fresh.get(name))),
        key=lambda r: (r.time, r.variable == "oxygen_flow"),
        default=None,
    )
    if last is None:
        return None
    return float(last.value > 21.0 if last.variable == "fio2" else last.value > 0)


def _consciousness(snapshot: Snapshot) -> float | None:
    """Return ACVPU points from the newer of ACVPU and coma score; a coma score below 15 is not
    alert.
    """
    level, coma = snapshot.fresh.get("acvpu"), snapshot.fresh.get("gcs")
    if level and (coma is None or level.time >= coma.time):
        return level.value
    return None if coma is None else 0.0 if coma.value >= 15 else 2.0


def _scale2(snapshot: Snapshot) -> bool:
    target, reading = snapshot.fresh.get("spo2_target"), snapshot.fresh.get("spo2")
    return bool(target and reading and target.time == reading.time)


def news2(values: Mapping[str, float | None], scale2: bool = False) -> Score:
    """Score the seven parameters of NEWS2.

    Shape: heart_rate and respiratory_rate /min, spo2 %, systolic mm[Hg], temperature Cel, oxygen 1
    or 0 (on oxygen or air), acvpu 0 to 4. Missing or None is unknown. `scale2` only where a
    clinician has set a target of 88-92 %.
    """
    parts = tuple(_part(name, values, scale2) for name in LABELS)
    missing = tuple(part.label for part in parts if part.points is None)
    low = sum(part.points or 0 for part in parts)
    high = low + sum(WORST.get(part.name, 3) for part in parts if part.points is None)
    total = None if missing else low
    return Score("NEWS2", total, low, high, parts, missing, _band(low, high, parts))


def points(table: str, value: float) -> int:
    """Return the points of a value in one row of the table, after the published rounding (0.1
    Cel, else whole).
    """
    step = Decimal("0.1") if table == "temperature" else Decimal(1)
    rounded = float(Decimal(str(value)).quantize(step, ROUND_HALF_UP))
    return next(score for greatest, score in BANDS[table] if rounded <= greatest)


def _part(name: str, values: Mapping[str, float | None], scale2: bool) -> Part:
    value = values.get("acvpu" if name == "consciousness" else name)
    if value is None:
        return Part(name, LABELS[name], None, None)
    if name == "oxygen":
        return Part(name, LABELS[name], 2 if value else 0, "oxygen" if value else "air")
    if name == "consciousness":
        return Part(name, LABELS[name], 3 if value else 0, "ACVPU"[int(value)])
    if name == "spo2" and scale2:
        return _scale2_part(value, values.get("oxygen"))
    return Part(name, LABELS[name], points(name, value), f"{value:g} {UNITS[name]}")


def _scale2_part(value: float, oxygen: float | None) -> Part:
    """Score SpO2 on scale 2; above 92 % it can't be scored until it is known whether oxygen is
    given.
    """
    on_air, on_oxygen = points("spo2_scale2_air", value), points("spo2_scale2_oxygen", value)
    known = on_air if oxygen == 0 or on_air == on_oxygen else on_oxygen if oxygen else None
    return Part("spo2", "SpO2 (scale 2)", known, f"{value:g} %" if known is not None else None)


def _band(low: int, high: int, parts: tuple[Part, ...]) -> str:
    """Return the clinical risk that is certain from the known parts; unknown when it can't be
    told from low.
    """
    if low >= 7:
        return "high"
    if low >= 5:
        return "medium"
    if any(part.points == 3 for part in parts):
        return "low-medium"
    return "low" if high < 5 else "unknown"
