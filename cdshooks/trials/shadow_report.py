"""Turns the records of shadow models into a page of text: each shadow beside its champion."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from statistics import fmean, median
from typing import Any

Record = dict[str, Any]
BANDS = ("low", "medium", "indeterminate", "high")
# What a card of a level above info is shown for; "not certain" is a warning.
ALERTS = set(BANDS) - {"low"}
NONE = "No shadow has been scored: `vigil models promote NAME VERSION --alias shadow` names one."


def report(records: Iterable[Record]) -> str:
    """Return what records of type `shadow` say, a part for each pair of versions."""
    pairs = defaultdict[tuple[str, str, str], list[Record]](list)
    dropped = 0
    for record in records:
        dropped += record["dropped"]
        names = (f"{one['name']} {one['version']}" for one in _models(record))
        pairs[(record["outcome"], *names)].append(record)
    parts = ["\n".join(_part(*names, found)) for names, found in sorted(pairs.items())]
    passed = [f"Calls passed over, since there was no time for them: {dropped}"] if dropped else []
    return "\n\n".join([*parts, *passed]) or NONE


def _models(record: Record) -> Iterator[dict[str, str]]:
    champion = record["champion"]
    yield champion["model"] if champion else {"name": "no", "version": "champion"}
    yield record["model"]


def _part(outcome: str, champion: str, shadow: str, records: Sequence[Record]) -> Iterator[str]:
    both = [(one["champion"], one) for one in records if one["champion"]]
    yield f"{outcome}: champion {champion}, shadow {shadow}: {len(records)} charts"
    if not both:
        return
    cells = Counter((old["band"], new["band"]) for old, new in both)
    same = sum(n for (old, new), n in cells.items() if old == new)
    points = [100 * (new["probability"] - old["probability"]) for old, new in both]
    yield f"  same band: {_share(same, len(both))}"
    yield (
        f"  shadow less champion, percentage points: mean {fmean(points):+.2f}, median "
        f"{median(points):+.2f}, from {min(points):+.2f} to {max(points):+.2f}"
    )
    for words, bands in (("alerts (above low)", ALERTS), ("high", {"high"})):
        old, new = (sum(n for key, n in cells.items() if key[side] in bands) for side in (0, 1))
        yield f"  {words}: champion {_share(old, len(both))}, shadow {_share(new, len(both))}"
    yield f"  {'champion / shadow':>20}" + "".join(f"{band:>15}" for band in BANDS)
    for band in BANDS:
        yield f"  {band:>20}" + "".join(f"{cells[band, other]:>15}" for other in BANDS)


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole} ({100 * part / whole:.1f} %)"
