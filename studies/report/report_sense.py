"""Turns the sense battery's figures into the table of `vigil sense`."""

from collections.abc import Iterator

KINDS = {
    "falls": "a worse value lowers the risk",
    "red_not_raised": "a grave value hardly raises it",
    "air": "air is told as raising it",
    "contributions": "an alarming value is told as lowering it",
}


def lines(found: dict) -> Iterator[str]:
    """Yield what `vigil validate` prints of it: the share of steps that pass, and the violations
    by kind.
    """
    yield (f"  {'sense':26} {100 * found['share']:.1f} % of {found['steps']} steps to worse pass")
    kinds = ", ".join(
        f"{found['kinds'][kind]['violations']} of {found['kinds'][kind]['steps']} where {words}"
        for kind, words in KINDS.items()
    )
    yield f"    {kinds}"


def printed(found: dict) -> Iterator[str]:
    """Yield the whole table: the figures, each variable that fails, and the worst violations."""
    yield from lines(found)
    if found["unknown"]:
        yield f"    never seen by this model, and not judged: {', '.join(found['unknown'])}"
    head = "".join(f"{kind:>16}" for kind in KINDS)
    yield f"  {'variable':24}{'steps':>6}{'pass':>7}{head}"
    for row in sorted(found["variables"], key=lambda row: row["share"]):
        counts = "".join(f"{row[kind]:>16}" for kind in KINDS)
        name = f"{row['variable']} {row['side']}"
        yield f"  {name:24}{row['steps']:>6}{100 * row['share']:>6.0f}%{counts}"
    for one in found["worst"]:
        yield "  " + "  ".join(_worst(one))


def _worst(one: dict) -> tuple[str, ...]:
    span = f"{one['variable']} {one['start']:g} to {one['value']:g}"
    risks = f"{100 * one['risk_start']:.2f} to {100 * one['risk']:.2f} %"
    return (
        f"{one['kind']:15}",
        f"{one['log_odds']:+.2f}",
        f"{span:28}",
        f"{risks:18}",
        f"{one['patient']}, {one['way']}",
    )
