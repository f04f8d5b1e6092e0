"""The published table of NEWS2 as data, and the points of a value in it.

Source: Royal College of Physicians, National Early Warning Score (NEWS) 2, 2017, chart 1.
"""

from bisect import bisect_left
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

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
# SpO2 with a target of 88-92 %, on air and on oxygen.
SCALE2_TABLES = ("spo2_scale2_air", "spo2_scale2_oxygen")
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
# To so many the published table rounds.
TENTHS = {"temperature"}


class Outline(NamedTuple):
    """A row of the table as a plot draws it: from where to where a value scores nothing, and up to
    and from where it scores 3; None where no value does.
    """

    red_low: float | None
    calm_low: float
    calm_high: float
    red_high: float | None


def outline(table: str) -> Outline:
    """Return where a row of the table begins and ends to score."""
    bands, step = BANDS[table], 0.1 if table in TENTHS else 1.0
    calm = next(n for n, (_, points) in enumerate(bands) if points == 0)
    lows = [greatest for greatest, points in bands[:calm] if points == 3]
    highs = [bands[n - 1][0] + step for n in range(calm + 1, len(bands)) if bands[n][1] == 3]
    return Outline(
        max(lows, default=None),
        round(bands[calm - 1][0] + step, 1),
        bands[calm][0],
        min(highs, default=None),
    )


def span(table: str, least: float | None, greatest: float | None) -> tuple[int, int]:
    """Return the least and the most points of a value from `least` to `greatest`; None is open."""
    bands = BANDS[table]
    first = 0 if least is None else _place(table, least)
    last = len(bands) - 1 if greatest is None else _place(table, greatest)
    found = [score for _, score in bands[first : last + 1]]
    return min(found), max(found)


def _place(table: str, value: float) -> int:
    """Return which band of a row a value is in, after the published rounding (0.1 Cel, else
    whole).
    """
    step = Decimal("0.1") if table in TENTHS else Decimal(1)
    rounded = float(Decimal(str(value)).quantize(step, ROUND_HALF_UP))
    bands = BANDS[table]
    return min(bisect_left([greatest for greatest, _ in bands], rounded), len(bands) - 1)
