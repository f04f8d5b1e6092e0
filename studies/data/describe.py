"""Turns data files into what the manifest says of them: name, hash, licence, citation."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

PHYSIONET_2012 = {
    "name": "PhysioNet/CinC Challenge 2012",
    "licence": "ODC-BY 1.0",
    "citation": (
        "Silva I. et al., Predicting in-hospital mortality of ICU patients, Computing in "
        "Cardiology 39:245-248 (2012)"
    ),
    "population": (
        "adults in intensive care at Beth Israel Deaconess (MIMIC-II), first 48 hours of the stay"
    ),
}


PHYSIONET_2019 = {
    "name": "PhysioNet/CinC Challenge 2019", "licence": "CC BY 4.0",
    "citation": "Reyna M.A. et al., Crit Care Med 48(2):210-217 (2020), doi:10.13026/v64v-d857",
    "population": (
        "adults in intensive care at Beth Israel Deaconess (set A) and Emory (set B)"
    ),
}  # fmt: skip


def source(about: dict[str, str], files: Sequence[Path]) -> dict:
    """Return the manifest's account of the training data; a folder is hashed file by file in
    order of name.
    """
    return about | {"files": {path.name: _sha256(path) for path in files}}


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]:
        digest.update(file.read_bytes())
    return digest.hexdigest()
