"""What a chart forces a card to say, reckoned slowly and a second time: nothing here is taken from
the product's own tables.

Sources: Royal College of Physicians, National Early Warning Score (NEWS) 2, 2017, chart 1 and the
table of clinical response; laboratory limits as the product's guide publishes them.
"""

LEVELS = ("info", "warning", "critical")
# Greatest value of a band and its points, in the chart's own steps: whole numbers, 0.1 Cel.
CHART_1: dict[str, list[tuple[float, int]]] = {
    "respiratory_rate": [(8, 3), (11, 1), (20, 0), (24, 2), (9999, 3)],
    "spo2": [(91, 3), (93, 2), (95, 1), (100, 0)],
    "systolic": [(90, 3), (100, 2), (110, 1), (219, 0), (9999, 3)],
    "heart_rate": [(40, 3), (50, 1), (90, 0), (110, 1), (130, 2), (9999, 3)],
    "temperature": [(35.0, 3), (36.0, 1), (38.0, 0), (39.0, 1), (9999, 2)],
}
# Low critical, low warning, high warning, high critical; a value at a limit is beyond it.
LIMITS: dict[str, tuple[float | None, float | None, float | None, float | None]] = {
    "lactate": (None, None, 2.1, 4.0),
    "creatinine": (None, None, 4.0, None),
    "bun": (None, None, 84, 100),
    "sodium": (120, 125, 150, 155),
    "potassium": (2.5, 3.0, 6.0, 6.5),
    "bicarbonate": (10, 14, None, 40),
    "glucose": (45, 54, 360, 450),
    "wbc": (1.0, 2.0, 40, 50),
    "haemoglobin": (7.0, 8.0, 19, 20),
    "haematocrit": (21, None, 60, 65),
    "platelets": (30, 50, 1000, None),
    "bilirubin": (None, None, 10, 15),
    "albumin": (None, 2.0, None, None),
    "ph": (7.20, 7.25, None, 7.60),
    # Critical limits are for arterial blood; these codes may stand for venous.
    "paco2": (None, 25, 60, None),
    "pao2": (None, 50, None, None),
    "crp": (None, None, 300, None),
    "troponin_i": (None, None, 0.3, None),
}
# One printed step: the nearest value that a card can show on the calm side of a limit.
STEPS = {
    "lactate": 0.1, "creatinine": 0.01, "bun": 1, "sodium": 1, "potassium": 0.1, "bicarbonate": 1,
    "glucose": 1, "wbc": 0.1, "haemoglobin": 0.1, "haematocrit": 1, "platelets": 1,
    "bilirubin": 0.1, "albumin": 0.1, "ph": 0.01, "paco2": 1, "pao2": 1, "crp": 1,
    "troponin_i": 0.001,
}  # fmt: skip
STANDSTILL = ("respiratory_rate", "heart_rate", "systolic")


def points(values: dict[str, float]) -> list[int]:
    """Return the points of every part that is known; `fio2` in per cent, `acvpu` 0 to 4."""
    found = [
        next(score for greatest, score in CHART_1[name] if value <= greatest)
        for name, value in values.items()
        if name in CHART_1
    ]
    found += [2 if values["fio2"] > 21 else 0] if "fio2" in values else []
    return found + ([3 if values["acvpu"] else 0] if "acvpu" in values else [])


def grade(name: str, value: float) -> str:
    """Return the level of one laboratory value."""
    low_critical, low_warning, high_warning, high_critical = LIMITS.get(name, (None,) * 4)
    beyond = {
        "critical": (low_critical, high_critical),
        "warning": (low_warning, high_warning),
    }
    for level, (low, high) in beyond.items():
        if (low is not None and value <= low) or (high is not None and value >= high):
            return level
    return "info"


def least_level(values: dict[str, float]) -> str:
    """Return the level below which no card of these values may be, whatever a model says."""
    got = points(values)
    total = "critical" if sum(got) >= 7 else "warning" if sum(got) >= 5 or 3 in got else "info"
    still = "critical" if 0 in [values.get(name) for name in STANDSTILL] else "info"
    return gravest([total, still, *(grade(name, value) for name, value in values.items())])


def level_of_risks(bands: list[str]) -> str:
    """Return the level of the models' bands; what can't be told is at least a warning."""
    by_band = {"high": "critical", "medium": "warning", "indeterminate": "warning"}
    return gravest([by_band.get(band, "info") for band in bands])


def gravest(levels: list[str]) -> str:
    """Return the gravest level, info where there is none."""
    return max(levels, key=LEVELS.index, default="info")
