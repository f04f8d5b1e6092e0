"""Turns checkpoints as they were kept, here and elsewhere, into the ones that an audit log is held
against, and says which are forged or missing.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from runtime.audit.proof.checkpoints import Checkpoint, Read, genuine, hash_of, read
from runtime.audit.proof.scan import Trouble

Keys = Mapping[str, Ed25519PublicKey]


class Book(NamedTuple):
    """Checkpoints in order, one a number; what is wrong with them; what is only worth saying."""

    checkpoints: list[Checkpoint]
    troubles: list[Trouble]
    notes: list[str]

    @property
    def excused(self) -> set[str]:
        """Return the places of which a person has said that they are known."""
        return {place for one in self.checkpoints for place in one.excused}


def open_book(folder: Path, keys: Keys, elsewhere: Sequence[Path] = ()) -> Book:
    """Read the checkpoints of a folder, and copies of them that were shipped elsewhere.

    Where both have a number the copy is believed: whoever rewrites a log can rewrite what lies
    beside it.
    """
    book = Book([], [], [])
    here = _sorted_out(read(folder), keys, book)
    copies = _sorted_out((one for place in elsewhere for one in read(place)), keys, book)
    known = here | copies
    for number in range(1, max(known, default=0) + 1):
        name = f"checkpoint {number}"
        if number not in known:
            book.troubles.append(Trouble(name, f"{name} is missing."))
        elif number not in here:
            text = f"{name} is missing from {folder}; a copy has it."
            book.troubles.append(Trouble(name, text))
        elif number in copies and here[number] != copies[number]:
            text = f"{name} in {folder} is not the one that was shipped."
            book.troubles.append(Trouble(name, text))
    book.checkpoints.extend(known[number] for number in sorted(known))
    book.troubles.extend(_links(book.checkpoints))
    return book


def standing(checkpoints: Sequence[Checkpoint], records: int | None = None) -> list[Checkpoint]:
    """Return the checkpoints that no later one, nor a log of so many records, falls short of."""
    kept: list[Checkpoint] = []
    for one in reversed(checkpoints):
        if records is None or one.records <= records:
            kept.append(one)
            records = one.records
    return kept[::-1]


def _sorted_out(lines: Iterable[Read], keys: Keys, book: Book) -> dict[int, Checkpoint]:
    found: dict[int, Checkpoint] = {}
    # A signature also vouches for the checkpoint before its own, named by its hash: so one is
    # checked, and not the 8,760 of a year.
    vouched: set[str] = set()
    strangers = 0
    for place, signed in reversed(list(lines)):
        if signed is None:
            strangers += 1
            continue
        one = signed.checkpoint
        name = f"checkpoint {one.number}"
        if hash_of(one) not in vouched and not genuine(signed, keys):
            text = f"{name} ({place}) is forged, or signed by another key ({signed.key[:16]})."
            book.troubles.append(Trouble(name, text))
            continue
        vouched.add(one.previous)
        if found.setdefault(one.number, one) != one:
            book.troubles.append(Trouble(name, f"{name} stands twice ({place}), and differs."))
    if strangers:
        book.notes.append(f"Lines that are no checkpoint: {strangers}.")
    return found


def _links(ordered: Sequence[Checkpoint]) -> list[Trouble]:
    return [
        Trouble(f"checkpoint {after.number}", f"checkpoint {after.number} follows another one.")
        for before, after in zip(ordered, ordered[1:], strict=False)
        if after.number == before.number + 1 and after.previous != hash_of(before)
    ]
