"""Turns measures.csv into Measures: the LOINC code, UCUM unit, noise and daily swing of what the
demonstration charts.

Written apart from models/vocabulary on purpose: a chart that comes from the reader's own table
would prove nothing.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

VITALS = (
    "heart_rate", "respiratory_rate", "spo2", "fio2", "flow", "systolic", "diastolic",
    "systolic_arterial", "diastolic_arterial", "temperature", "gcs", "acvpu", "mean_pressure",
    "urine", "weight",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Measure:
    """One row: `noise` is a standard deviation and `daily` half the swing between night and
    afternoon, in `unit`.
    """

    name: str
    code: str
    display: str
    unit: str
    decimals: int
    noise: float
    daily: float
    low: float
    high: float

    @property
    def category(self) -> str:
        """Return the code of the Observation's category."""
        return "vital-signs" if self.name in VITALS else "laboratory"

    def rounded(self, value: float) -> float | int:
        """Return a value inside what is possible, as precise as it is charted."""
        value = round(min(max(value, self.low), self.high), self.decimals)
        return value if self.decimals else int(value)


def _measure(row: dict[str, str]) -> Measure:
    noise, daily, low, high = (
        float(row[name] or "nan") for name in ("noise", "daily", "low", "high")
    )
    return Measure(
        name=row["name"],
        code=row["code"],
        display=row["display"],
        unit=row["unit"],
        decimals=int(row["decimals"]),
        noise=noise,
        daily=daily,
        low=low,
        high=high,
    )


with Path(__file__).with_name("measures.csv").open(encoding="utf-8", newline="") as file:
    MEASURES: dict[str, Measure] = {row["name"]: _measure(row) for row in csv.DictReader(file)}
