"""Turns a value into text as a clinician writes it: with its variable's digits and printed unit."""

from models.patient.chart import Reading
from models.patient.vocabulary import VARIABLES, Variable

# The levels of consciousness by their ACVPU points (RCP NEWS2, 2017).
LEVELS = ("alert", "new confusion", "voice", "pain", "unresponsive")
# How a clinician writes a UCUM unit.
PRINTED = {"mm[Hg]": "mmHg", "Cel": "°C", "{score}": "", "[pH]": "", "10*3/uL": "×10³/µL"}


def display(variable: Variable, value: float) -> str:
    """Return a value as a clinician writes it, with its printed unit."""
    return f"{number(variable, value)} {printed_unit(variable)}".strip()


def both_units(reading: Reading) -> str:
    """Return a reading as its chart has it, with the variable's own unit beside another one:
    "178 umol/L (2.01 mg/dL)", and the period of an amount: "1200 mL in 24 h".
    """
    own = display(VARIABLES[reading.variable], reading.value)
    text = f"{reading.written} ({own})" if reading.written else own
    return f"{text} in {reading.hours:.3g} h" if reading.hours else text


def age(hours: float | None) -> str:
    """Return an age in minutes, hours or days; empty when there is no time."""
    if hours is None:
        return ""
    if hours < 1:
        return f"{max(round(hours * 60), 0)} min"
    return f"{hours:.0f} h" if hours < 48 else f"{hours / 24:.0f} days"


def number(variable: Variable, value: float) -> str:
    """Return a value with the digits of its variable, or the level's word for ACVPU."""
    if variable.name == "acvpu":
        return LEVELS[int(value)]
    if value == 0:
        return "0"
    text = f"{value:.{variable.digits}f}"
    # What would be printed as zero keeps its own digits: a white cell count of 0.02 is not 0.0.
    return f"{value:g}" if float(text) == 0 else text


def printed_unit(variable: Variable) -> str:
    """Return the unit as it is written for people; empty for scores and pH."""
    return PRINTED.get(variable.unit, variable.unit)
