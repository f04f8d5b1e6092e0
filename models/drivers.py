"""Says in words what one feature of a patient is: "highest temperature in 48 h 39.5 °C".

A contribution sums the features of a variable; the words are those of the one that drives it, since
"creatinine 1.01" explains nothing where a fall made the difference.
"""

from models.patient.chart import Reading
from models.patient.features import (
    DERIVED,
    URINE_RATES,
    WINDOW,
    FeatureRow,
    made_of,
    variable_of,
    weight_of,
)
from models.patient.inputs import origin
from models.patient.printing import display, printed_unit
from models.patient.snapshot import Snapshot
from models.patient.vocabulary import VARIABLES, Variable

EXTREMES = {"low48": "lowest", "high48": "highest"}
# What is made of two variables: its name, digits and unit.
RATIOS = {
    "heart_rate.shock_index": ("shock index", 2, ""),
    "systolic.pulse_pressure": ("pulse pressure", 0, "mmHg"),
    "spo2.over_fio2": ("SpO2/FiO2 ratio", 0, ""),
    "pao2.over_fio2": ("PaO2/FiO2 ratio", 0, "mmHg"),
    "bun.over_creatinine": ("BUN to creatinine ratio", 0, ""),
}


def driver_text(feature: str, row: FeatureRow, snapshot: Snapshot) -> tuple[str, bool]:
    """Return what a known feature says, with its value and unit, and whether that is of now: else
    the newest value is to be said too.

    Where nobody charted a value, it says what that was made from.
    """
    value, name = row[feature], variable_of(feature)
    if value is None:
        raise ValueError(f"{feature} is not known, so it drives nothing.")
    if feature in DERIVED:
        return _ratio(feature, value, row), True
    if feature in URINE_RATES:
        return _rate(feature, value, snapshot), False
    variable, kind = VARIABLES[name], feature.partition(".")[2]
    if kind in EXTREMES:
        return _extreme(variable, kind, value, snapshot)
    if kind.startswith("change"):
        return _change(variable, value, kind.removeprefix("change")), False
    if kind == "mean48":
        return f"average {variable.label} over 48 h {display(variable, value)}", False
    if kind == "spread48":
        # A spread is small beside its values, so it has one digit more.
        finer = f"{value:.{variable.digits + 1}f} {printed_unit(variable)}".strip()
        return f"{variable.label} varied by ±{finer} over 48 h", False
    return _value(variable, value, snapshot.for_model(name), snapshot), True


def _extreme(variable: Variable, kind: str, value: float, snapshot: Snapshot) -> tuple[str, bool]:
    window = snapshot.window(variable.name, snapshot.at - WINDOW)
    newest = snapshot.for_model(variable.name)
    if newest and newest.value == value:
        words = _value(variable, value, newest, snapshot)
        alone = all(reading.value == value for reading in window)
        return (words if alone else f"{words} ({EXTREMES[kind]} in 48 h)"), True
    reading = next((reading for reading in window if reading.value == value), None)
    return f"{EXTREMES[kind]} {_value(variable, value, reading, snapshot, ' in 48 h')}", False


def _value(
    variable: Variable, value: float, reading: Reading | None, snapshot: Snapshot, when: str = ""
) -> str:
    made = origin(reading, snapshot) if reading else ""
    return f"{variable.label}{when} {display(variable, value)}" + (f" ({made})" if made else "")


def _change(variable: Variable, value: float, hours: str) -> str:
    """Say a change: of vital signs from the oldest reading within the hours, of laboratory values
    from the one before.
    """
    size = f"{abs(value):.{variable.digits}f}"
    if float(size) == 0:
        return f"{variable.label} hardly changed within {hours} h"
    way = "rose" if value > 0 else "fell"
    return (
        f"{variable.label} {way} by {size} {printed_unit(variable)}".strip() + f" within {hours} h"
    )


def _rate(feature: str, value: float, snapshot: Snapshot) -> str:
    """Say how much urine came, and by which weight that is reckoned where none is known."""
    weight, known = weight_of(snapshot)
    stated = "" if known else f" (reckoned by {display(VARIABLES['weight'], weight)})"
    return f"urine output {value:.2f} mL/kg/h over {feature.partition('.rate')[2]} h{stated}"


def _ratio(feature: str, value: float, row: FeatureRow) -> str:
    label, digits, unit = RATIOS[feature]
    parts = [display(VARIABLES[name], row[name] or 0.0) for name in made_of(feature)]
    return f"{label} {value:.{digits}f} {unit}".strip() + f" ({' and '.join(parts)})"
