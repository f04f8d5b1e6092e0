"""Holds an audit log against itself and against its checkpoints, and names what does not fit.

The chain alone shows a change, a removal or a swap. Whoever makes the whole chain anew, cuts its
end or removes the file is found by a checkpoint that saw more, or something else.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from runtime import sqlite
from runtime.audit.chain import FIRST
from runtime.audit.proof import merkle
from runtime.audit.proof.book import Book, standing
from runtime.audit.proof.checkpoints import Checkpoint, hash_of
from runtime.audit.proof.scan import Scan, Span, Trouble, gone, scan
from runtime.audit.segments import sealed


class Report(NamedTuple):
    """The last record's number and hash; how many records no checkpoint has seen, and their Merkle
    root; what is wrong, except what a person has excused; and what else is worth saying.
    """

    records: int
    head: str
    since: int
    root: bytes
    troubles: list[Trouble]
    notes: list[str]


def verify(path: Path, book: Book, since: Checkpoint | None = None) -> Report:
    """Recompute the log whose live file is `path`, with its sealed months; or only the records
    after a checkpoint, which is then taken for the truth.
    """
    start = since.records if since else 0
    heads = {start: since.head if since else FIRST}
    files, troubles = _files(path)
    end = max((file.last for file in files), default=0)
    marks = [one for one in standing(book.checkpoints, end) if one.records >= start]
    spans = list(_spans(files, start, [mark.records for mark in marks]))
    scans = list(scan(spans))
    own = [record for one in scans for record in one.own]
    heads |= {one.last: one.head or "" for one in scans if one.last is not None}
    notes: list[str] = []
    for one in _gaps(spans, start):
        removed = _pruned(own, one[1]) if one[0] == 1 else None
        if removed:
            notes.append(_policy(removed))
            # What is left has to follow what was removed.
            heads[one[1]] = removed.get("head", "")
        else:
            troubles.append(gone(*one))
    troubles += _cut_off(book.checkpoints, end)
    troubles += [trouble for one in scans for trouble in one.troubles]
    troubles += _unchained(scans, heads)
    troubles += _again(files, heads, since)
    troubles += _rewritten(marks, scans, heads)
    troubles += _untrue(own, book)
    unseen = [one for one in scans if not marks or one.span.first > marks[-1].records]
    return Report(
        end,
        heads.get(end, ""),
        end - (marks[-1].records if marks else start),
        merkle.root([one.root for one in unseen]),
        *_excused(book, troubles, notes),
    )


def _files(path: Path) -> tuple[list[Span], list[Trouble]]:
    """Return the first and last record of each file."""
    files, troubles = [], []
    for file in [*sealed(path), path]:
        try:
            with sqlite.reading(file) as db:
                first, last = db.execute("SELECT min(seq), max(seq) FROM audit").fetchone()
        except sqlite3.Error as error:
            there = f"can't be read: {error}" if file.exists() else "is not there"
            troubles.append(Trouble(file.name, f"{file.name} {there}."))
            continue
        if last is None:
            continue
        if first < 1:
            name = f"record {first}"
            troubles.append(Trouble(name, f"{name} of {file.name} stands before the first."))
        files.append(Span(file, max(first, 1), last))
    return files, troubles


def _spans(files: Sequence[Span], start: int, cuts: Sequence[int]) -> Iterator[Span]:
    """Yield what is to be read in pieces that end at checkpoints, and are chunks of the tree in
    between.
    """
    ends = iter(sorted({cut for cut in cuts if cut > start}))
    cut, at = next(ends, None), start + 1
    for path, first, last in files:
        at = max(at, first)
        with sqlite.reading(path) as db:
            while at <= last:
                while cut is not None and cut < at:
                    cut = next(ends, None)
                stop = min(last, at + merkle.CHUNK - 1, *([cut] if cut is not None else []))
                # A number far away, as somebody may set it, is one hole and not a million pieces.
                stop = max(stop, (_next(db, at) or last + 1) - 1)
                yield Span(path, at, stop)
                at = stop + 1


def _next(db: sqlite3.Connection, at: int) -> int | None:
    """Return the next record there is; None where that can't be read, as the scan will say."""
    query = "SELECT min(seq) FROM audit WHERE seq >= ?"
    try:
        found: int | None = db.execute(query, (at,)).fetchone()[0]
    except sqlite3.Error:
        return None
    return found


def _gaps(spans: Sequence[Span], start: int) -> Iterator[tuple[int, int]]:
    """Yield first and last of the records that are in no file."""
    for span in spans:
        if span.first > start + 1:
            yield start + 1, span.first - 1
        start = span.last


def _pruned(own: Sequence[dict[str, Any]], last: int) -> dict[str, Any] | None:
    """Return the record that tells of a removal by policy, up to this record."""
    told = (record for record in own if record["type"] == "pruned" and record.get("last") == last)
    return next(told, None)


def _policy(record: dict[str, Any]) -> str:
    return (
        f"records up to {record['last']} were removed on {record['ts'][:10]} by policy, "
        f"all before {record.get('before')} (record {record['seq']})."
    )


def _cut_off(checkpoints: Sequence[Checkpoint], end: int) -> Iterator[Trouble]:
    for one in reversed(checkpoints):
        if one.records > end:
            name = f"checkpoint {one.number}"
            text = (
                f"{name} of {one.at} saw {one.records} records; afterwards the log ended at {end}: "
                f"{one.records - end} were cut off."
            )
            yield Trouble(name, text)
        end = min(end, one.records)


def _unchained(scans: Sequence[Scan], heads: dict[int, str]) -> Iterator[Trouble]:
    for one in scans:
        before = heads.get(one.span.first - 1)
        if one.follows is not None and before is not None and one.follows != before:
            name = f"record {one.span.first}"
            yield Trouble(name, f"{name} does not follow the record before it.")


def _again(
    files: Sequence[Span], heads: dict[int, str], since: Checkpoint | None
) -> Iterator[Trouble]:
    """Look at what the walk passed over: records that a sealed month and the live file both hold,
    or the one at which a walk from a checkpoint begins.
    """
    if since:
        held = [file for file in files if file.first <= since.records <= file.last]
        twice = [file._replace(first=since.records, last=since.records) for file in held]
    else:
        pairs = zip(files, files[1:], strict=False)
        twice = [
            after._replace(last=before.last)
            for before, after in pairs
            if after.first <= before.last
        ]
    for one in scan(twice):
        yield from one.troubles
        if one.last is not None and one.head != heads.get(one.last):
            name = f"record {one.last}"
            yield Trouble(name, f"{name} in {one.span.path.name} is not the one that was there.")


def _rewritten(
    marks: Sequence[Checkpoint], scans: Sequence[Scan], heads: dict[int, str]
) -> Iterator[Trouble]:
    """Compare the log with each checkpoint that saw it; what is known to be broken is not said
    again.
    """
    fitting, start, rest = 0, 0, list(scans)
    for mark in marks:
        mine = [one for one in rest if one.span.last <= mark.records]
        rest = rest[len(mine) :]
        whole = sum(one.span.last - one.span.first + 1 for one in mine) == mark.records - start
        told = any(one.troubles for one in mine)
        same = heads.get(mark.records, mark.head) == mark.head
        if same and whole and mine and not told:
            same = mark.root == merkle.root([one.root for one in mine]).hex()
        if same:
            fitting = mark.records
        else:
            name = f"checkpoint {mark.number}"
            text = (
                f"{name} of {mark.at} saw another log: something from record {fitting + 1} to "
                f"{mark.records} was made anew."
            )
            yield Trouble(name, text)
        start = mark.records


def _untrue(own: Sequence[dict[str, Any]], book: Book) -> Iterator[Trouble]:
    """Say which checkpoints the log tells of and the folder does not hold."""
    known: dict[Any, str] = {one.number: hash_of(one) for one in book.checkpoints}
    for record in own:
        number, sha256 = record.get("number"), record.get("sha256", "")
        if record["type"] == "checkpoint" and known.get(number) != sha256:
            name = f"checkpoint {number}"
            yield Trouble(name, f"{name}, of which record {record['seq']} tells, is missing.")


def _excused(
    book: Book, troubles: Sequence[Trouble], notes: Sequence[str]
) -> tuple[list[Trouble], list[str]]:
    """Return the troubles, and the notes; among these what a person has excused."""
    found = list(dict.fromkeys([*book.troubles, *troubles]))
    known = [one for one in found if one.place in book.excused]
    reasons = [
        f"checkpoint {one.number} of {one.at} takes it from there: {one.reason}"
        for one in book.checkpoints
        if one.reason
    ]
    return (
        [one for one in found if one not in known],
        [*book.notes, *notes, *reasons, *(f"known: {one.text}" for one in known)],
    )
