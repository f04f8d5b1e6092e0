"""Turns the results by group into tables, a plot, and each group's difference from the largest
group: the equal opportunity gap.

Governance part 3. A group under 20 events is named with its counts and reads "not estimable".
"""

from studies.report.report_plots import Plot, intervals
from studies.report.report_sections import Section
from studies.report.report_tables import ABSENT, UNKNOWN, Absent, Cell, Table, cell, count, plain

GAPS: dict[str, tuple[str, int | str]] = {
    "sensitivity": ("Sensitivity", "percent"), "fpr": ("False positive rate", "percent"),
    "ppv": ("PPV", "percent"), "auroc": ("AUROC", 3),
    "observed_expected": ("Observed to expected", 2),
    "alerts_per_100_patient_days": ("Alerts per 100 patient-days", 1),
}  # fmt: skip
AT_POINT = {"sensitivity", "ppv", "alerts_per_100_patient_days"}


def by_group(part: dict) -> Section:
    """Return the section on groups: figures at the first working point of the model, and gaps to
    each column's largest group.
    """
    groups = part.get("groups") or []
    title = "Results by group"
    if not groups:
        return Section("groups", title, (), (Absent("The data name no groups."),))
    point = (
        "medium"
        if "medium" in (part.get("thresholds") or {"medium": 0})
        else next(iter(part["thresholds"]))
    )
    text = (
        (
            f"Figures are per row, at the model's {point} band. A group with fewer than 20 stays "
            "with the event is not estimable."
        ),
        (
            "One threshold gives a group with a lower prevalence a lower sensitivity, even if the "
            "model ranks it better. So sensitivity is given at an equal alert rate too: where the "
            "same share of the group's rows is alerted as of all rows. By that, with its interval, "
            "the release gate judges."
        ),
        (
            "A gap is the group's figure minus that of the largest known group of its kind. "
            "Where the intervals of two groups overlap widely, a gap may be chance; where they do "
            "not, somebody should ask why."
        ),
    )
    return Section(
        "groups",
        title,
        text,
        (_areas(part, groups), _figures(part, groups, point), _gaps(groups, point)),
    )


def _areas(part: dict, groups: list[dict]) -> Plot | Table:
    whole = (part.get("figures") or {}).get("auroc")
    lines = [
        ("all", whole, 0),
        *((_label(g), g["figures"].get("auroc"), 1) for g in groups if g.get("figures")),
    ]
    return intervals("groups", "AUROC by group, with 95 % intervals", lines, "AUROC")


def _figures(part: dict, groups: list[dict], point: str) -> Table:
    names = {"auroc": "AUROC", "news2_auroc": "AUROC of NEWS2"}
    names |= {f"{point}_{name}": name.capitalize() for name in ("sensitivity", "specificity")} | {
        f"{point}_ppv": "PPV"
    }
    names |= {
        "equal_alert_sensitivity": "Sensitivity at an equal alert rate",
        "equal_alert_gap": "All rows less that",
        "observed_expected": "Observed to expected",
        f"{point}_alerts_per_100_patient_days": "Alerts per 100 patient-days",
    }
    whole = (part.get("figures") or {}) | (part.get("alerts") or {})
    rows: list[tuple[Cell | str, ...]] = [
        (
            "all",
            count((part.get("counts") or {}).get("stays_scored")),
            _events(part),
            *(cell(whole, name) for name in names),
        )
    ]
    for group in groups:
        found = (
            [cell(group["figures"], name) for name in names]
            if group.get("figures")
            else [Cell(UNKNOWN)] * len(names)
        )
        rows.append((_label(group), count(group.get("stays")), count(group.get("events")), *found))
    return Table(
        f"Results by group, at {point}",
        ("Group", "Stays", "With the event", *names.values()),
        tuple(rows),
    )


def _events(part: dict) -> str:
    counts = part.get("counts") or {}
    found, blank = counts.get("event_stays"), counts.get("event_stays_without_number")
    return ABSENT if found is None else count(found - (blank or 0))


def _label(group: dict) -> str:
    return f"{_column(group)}: {group.get('value', 'unknown')}"


def _column(group: dict) -> str:
    return str(group.get("column", "group"))


def gaps(groups: list[dict], point: str) -> list[tuple[dict, dict | None, dict[str, float | None]]]:
    """Return each group with the largest known and estimable group of its column and the
    differences from it; none to itself.
    """
    largest: dict[str, dict] = {}
    # People of whom nothing is known are no yardstick, unless there is no other.
    for group in sorted(
        groups, key=lambda line: (line.get("value") == "unknown", -line.get("rows", 0))
    ):
        if group.get("figures"):
            largest.setdefault(_column(group), group)
    found = []
    for group in groups:
        reference = largest.get(_column(group))
        values = (
            {}
            if reference is None or not group.get("figures")
            else _differences(group, reference, point)
        )
        found.append((group, reference, values))
    return found


def _differences(group: dict, reference: dict, point: str) -> dict[str, float | None]:
    pairs = {name: (_value(group, name, point), _value(reference, name, point)) for name in GAPS}
    return {
        name: None if own is None or other is None else own - other
        for name, (own, other) in pairs.items()
    }


def _value(group: dict, name: str, point: str) -> float | None:
    if name == "fpr":
        specificity = _value(group, "specificity", point)
        return None if specificity is None else 1 - specificity
    key = f"{point}_{name}" if name in AT_POINT or name == "specificity" else name
    return (group["figures"].get(key) or {}).get("value")


def _gaps(groups: list[dict], point: str) -> Table | Absent:
    rows: list[tuple[Cell | str, ...]] = []
    for group, reference, values in gaps(groups, point):
        if reference is None:
            rows.append(
                (_label(group), "no group of this kind is estimable", *[Cell(UNKNOWN)] * len(GAPS))
            )
        elif group is reference:
            rows.append((_label(group), "the reference itself", *[Cell("0")] * len(GAPS)))
        else:
            cells = [Cell(_points(values.get(name), kind)) for name, (_, kind) in GAPS.items()]
            rows.append((_label(group), f"against {reference.get('value', 'unknown')}", *cells))
    head = ("Group", "Reference", *(label for label, _ in GAPS.values()))
    return Table(
        (
            "Gaps: the group minus the largest known group (equal opportunity gap is that of "
            "sensitivity)"
        ),
        head,
        tuple(rows),
        words=True,
    )


def _points(value: float | None, kind: int | str) -> str:
    if kind != "percent":
        return plain(value, kind, sign=True)
    return UNKNOWN if value is None else f"{plain(100 * value, 1, sign=True)} points"
