"""Turns the sense battery's figures into the report's section, and into the lines that `vigil
validate` and `vigil sense` print.
"""

from collections.abc import Iterator

from models.card.sense import WORDS
from models.patient.vocabulary import VARIABLES
from studies.report.report_sections import Section
from studies.report.report_tables import Absent, Table, capital, count, plain

TITLE = "Physiological sense"
KINDS = tuple(name for name in WORDS if name != "passed")
SHORT = {"falls": "falls", "red_not_raised": "not raised", "air": "air", "contributions": "told"}


def sense(part: dict) -> Section:
    """Return what a model makes of patients made by code who get worse."""
    found = part.get("sense") or {}
    if not found.get("figures"):
        reason = "This validation was made without patients who get worse."
        return Section("sense", TITLE, (), (Absent(reason),))
    return Section(
        "sense", TITLE, tuple(_text(found)), (_shares(found), _variables(found), _worst(found))
    )


def _text(found: dict) -> Iterator[str]:
    limits = found.get("limits") or {}
    yield (
        "No data: one variable of a patient made by code gets worse, step by step, at once or over "
        "12 h. Each step is a boundary of NEWS2, a limit of laboratories or of a published score."
    )
    yield (
        f"In log-odds, a worse value may lower the risk by {plain(limits.get('tolerance'), 2)} at "
        f"most. A value with 3 NEWS2 points has to raise it by {plain(limits.get('red_rises'), 2)} "
        f"at least, one that alone endangers life by {plain(limits.get('peril_rises'), 2)}. A "
        f"contribution may point the wrong way by {plain(limits.get('tolerance'), 2)}."
    )
    if found.get("unknown"):
        yield f"The model has never seen these, and is not judged by them: {_labels(found)}."


def _labels(found: dict) -> str:
    return ", ".join(VARIABLES[name].label for name in found["unknown"])


def _shares(found: dict) -> Table:
    rows = tuple(
        (
            capital(words),
            plain(figure.get("value"), "percent"),
            f"{count(figure.get('number'))} of {count(figure.get('steps'))}",
        )
        for name, words in WORDS.items()
        if (figure := found["figures"].get(name))
    )
    return Table("Steps to worse", ("Step in which", "Share", "Steps"), rows)


def _variables(found: dict) -> Table:
    rows = tuple(
        (
            _ladder(line),
            count(line["steps"]),
            plain(line["share"], "percent"),
            *(count(line[kind]) for kind in KINDS),
        )
        for line in sorted(found["variables"], key=lambda line: line["share"])
        if line["share"] < 1
    )
    head = ("Variable", "Steps", "Pass", *(capital(SHORT[kind]) for kind in KINDS))
    return Table("Variables with a step that fails", head, rows)


def _worst(found: dict) -> Table:
    rows = tuple(
        (
            capital(f"{_ladder(one)}, {one['start']:g} to {one['value']:g}"),
            WORDS[one["kind"]],
            f"{plain(one['risk_start'], 'risk')} to {plain(one['risk'], 'risk')}",
            plain(one["log_odds"], 2, sign=True),
            f"{one['patient']}; {one['way']}",
        )
        for one in found["worst"]
    )
    head = ("Step", "What is wrong", "Risk", "Log-odds", "Patient")
    return Table("The worst of each kind and variable", head, rows, words=True)


def _ladder(line: dict) -> str:
    return f"{VARIABLES[line['variable']].label} {line['side']}"


def lines(found: dict) -> Iterator[str]:
    """Yield what `vigil validate` prints of it: how many steps pass, and what fails."""
    figures = found["figures"]
    passed, number = figures["passed"], {kind: figures[kind]["number"] for kind in KINDS}
    share = plain(passed["value"], "percent")
    yield f"  {'sense (made patients)':26} {share} of {passed['steps']} steps to worse pass"
    yield (
        f"    {number['falls']} lower the risk, {number['red_not_raised']} grave ones hardly raise "
        f"it; told the wrong way: air in {number['air']}, the value in {number['contributions']}"
    )


def printed(found: dict) -> Iterator[str]:
    """Yield all that `vigil sense` prints of a model: the lines, its variables, what is worst."""
    yield from lines(found)
    if found["unknown"]:
        yield f"    never seen, and not judged: {_labels(found)}"
    yield f"  {'':32}{'steps':>6}{'pass':>8}" + "".join(f"{SHORT[kind]:>12}" for kind in KINDS)
    for line in sorted(found["variables"], key=lambda line: line["share"]):
        counts = "".join(f"{line[kind]:>12}" for kind in KINDS)
        yield f"  {_ladder(line):32}{line['steps']:>6}{100 * line['share']:>6.0f} %{counts}"
    for one in found["worst"]:
        risks = f"{100 * one['risk_start']:.2f} to {100 * one['risk']:.2f} %"
        step = f"{_ladder(one)}, {one['start']:g} to {one['value']:g}"
        kind = f"{SHORT[one['kind']]:12}{one['log_odds']:+.2f}"
        yield f"  {kind}  {step:42}  {risks:18}  {one['patient']}, {one['way']}"
