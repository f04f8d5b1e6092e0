"""Turns landmarks into the burden and the worth of alerts: alerts per 100 patient-days, stays
ever alerted, lead time before onset.
"""

from collections.abc import Callable, Sequence

import numpy as np

from studies.validation.intervals import Figures, with_intervals
from studies.validation.landmarks import Landmarks
from studies.validation.ranking import share

# After an alert the same stay is silent for as long, as a card that was seen would be.
SILENT_HOURS = 12
LEAD_HOURS = 24
OVER = (1, 6, 12)
RISKS = (0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)


def new_alerts(stay: np.ndarray, hour: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """Return the alerts of each stay (by running number) when each is followed by SILENT_HOURS of
    silence.

    The rows of a stay stand together, by rising hour.
    """
    counts = np.zeros(stay.max(initial=-1) + 1)
    last, silent_until = -1, 0
    for one, at in zip(stay[positive].tolist(), hour[positive].tolist(), strict=True):
        if one != last or at >= silent_until:
            counts[one] += 1
            last, silent_until = one, at + SILENT_HOURS
    return counts


def burden(
    rows: Landmarks, every: int, alarms: dict[str, np.ndarray]
) -> Callable[[np.ndarray], Figures]:
    """Return the function that gives alerts per 100 patient-days and the share of stays ever
    alerted.

    `alarms` says by name at which rows an alert would be given. A row stands for `every` hours of a
    patient's stay, so that hours without a number, in which no alert can be, are no part of the
    days, nor stays without any number of the stays.
    """
    stays, first, size = np.unique(rows.stay, return_index=True, return_counts=True)
    days, patient = size * every / 24, rows.patient[first]
    alerts = {
        name: new_alerts(rows.stay, rows.hour, positive)[stays] for name, positive in alarms.items()
    }

    def weighted(patients: np.ndarray) -> Figures:
        weight = patients[patient]
        found = {}
        for name, counts in alerts.items():
            found[f"{name}_alerts_per_100_patient_days"] = 100 * share(
                np.dot(weight, counts), np.dot(weight, days)
            )
            found[f"{name}_ever_alerted"] = share(np.dot(weight, counts > 0), weight.sum())
        return found

    return weighted


def alarms(rows: Landmarks, thresholds: dict[str, float]) -> dict[str, np.ndarray]:
    """Return at which rows the model's bands and NEWS2 would alert."""
    own = {name: rows.risk >= threshold for name, threshold in thresholds.items()}
    return own | {"news2_5": rows.low["news2"] >= 5, "news2_7": rows.low["news2"] >= 7}


def burden_curve(rows: Landmarks, every: int) -> list[dict]:
    """Return alerts per 100 patient-days and stays ever alerted at thresholds from 1 to 50 %."""
    found = burden(rows, every, {str(risk): rows.risk >= risk for risk in RISKS})(
        np.ones(rows.patient.max() + 1)
    )
    names = ("alerts_per_100_patient_days", "ever_alerted")
    return [{"risk": risk} | {name: found[f"{risk}_{name}"] for name in names} for risk in RISKS]


def onset(labels: Sequence[bool], ahead: int) -> int | None:
    """Return the hour of onset when labels begin `ahead` hours before it; None without an event."""
    return labels.index(True) + 1 + ahead if any(labels) else None


def at_end(labels: Sequence[bool]) -> int | None:
    """Return the hour of the event where labels end with it; None without one."""
    return len(labels) if any(labels) else None


def lead_time(
    rows: Landmarks, onsets: dict[int, int], thresholds: dict[str, float], draws: int
) -> dict[str, dict]:
    """Return by threshold the hours from the first alert in the LEAD_HOURS before onset to the
    onset, and what was not detected.

    `onsets` gives the hour of onset by stay. A stay without any number has no row, and its event is
    not counted here. An alert that lasts since before counts from LEAD_HOURS on.
    """
    known = np.array([stay in onsets for stay in rows.stay.tolist()], bool)
    if not known.any():
        return {}
    chosen = rows.of(known)
    leads = {
        name: _leads(chosen, onsets, chosen.risk >= limit) for name, limit in thresholds.items()
    }
    return {
        name: with_intervals(lead, chosen.patient.max() + 1, draws) for name, lead in leads.items()
    }


def _leads(
    rows: Landmarks, onsets: dict[int, int], positive: np.ndarray
) -> Callable[[np.ndarray], Figures]:
    stays, first, place = np.unique(rows.stay, return_index=True, return_inverse=True)
    ahead = np.array([onsets[stay] for stay in stays.tolist()])[place] - rows.hour
    counts = positive & (ahead >= 0) & (ahead <= LEAD_HOURS)
    lead = np.full(len(stays), -1.0)
    np.maximum.at(lead, place[counts], ahead[counts])
    patient = rows.patient[first]

    def weighted(patients: np.ndarray) -> Figures:
        times = patients[patient].astype(int)
        drawn = np.repeat(lead, times)
        found = drawn[drawn >= 0]
        quartiles = np.quantile(found, (0.25, 0.5, 0.75)) if len(found) else (np.nan,) * 3
        figures = dict(
            zip(
                ("lower_quartile_hours", "median_hours", "upper_quartile_hours"),
                map(float, quartiles),
                strict=True,
            )
        )
        figures |= {
            f"over_{hours}_h": share(float(np.sum(drawn > hours)), len(drawn)) for hours in OVER
        }
        return figures | {
            "events": float(len(drawn)),
            "undetected": share(float(np.sum(drawn < 0)), len(drawn)),
        }

    return weighted
