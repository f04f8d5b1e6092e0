"""Turns a feature row into a score and its contributions with LightGBM's C library.

lib_lightgbm is loaded through ctypes: `import lightgbm` costs 1.5 s and 150 MB, because it pulls in
pandas and scikit-learn. One thread only, and nothing is predicted before a fork (LightGBM then
hangs). A Predictor belongs to one thread at a time.
"""

import ctypes
import importlib.util
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

RAW_SCORE, CONTRIBUTIONS, FLOAT64, ROW_MAJOR = 1, 3, 1, 1
QUIET = b"num_threads=1 verbosity=-1"


class ModelError(Exception):
    """The model can't be loaded or gave no finite number; no risk may be shown."""


class Predictor:
    """A loaded LightGBM model for one row at a time.

    Raises ModelError when the text is no model or has another number of features.
    """

    def __init__(self, text: str, features: int) -> None:
        self.features = features
        self._library = _library()
        self._handle, self._fast = ctypes.c_void_p(), ctypes.c_void_p()
        iterations = ctypes.c_int()
        self._call(
            "LGBM_BoosterLoadModelFromString",
            text.encode(),
            ctypes.byref(iterations),
            ctypes.byref(self._handle),
        )
        found = ctypes.c_int()
        self._call("LGBM_BoosterGetNumFeature", self._handle, ctypes.byref(found))
        if found.value != features:
            raise ModelError(
                f"The model has {found.value} features where its manifest names {features}."
            )
        self._row, self._score = (ctypes.c_double * features)(), (ctypes.c_double * 1)()
        self._parts, self._length = (ctypes.c_double * (features + 1))(), ctypes.c_int64()
        self._call(
            "LGBM_BoosterPredictForMatSingleRowFastInit",
            self._handle,
            RAW_SCORE,
            0,
            -1,
            FLOAT64,
            ctypes.c_int32(features),
            QUIET,
            ctypes.byref(self._fast),
        )

    def score(self, row: Sequence[float | None]) -> float:
        """Return the raw score (log-odds) of one row; None is missing."""
        self._fill(row)
        self._call(
            "LGBM_BoosterPredictForMatSingleRowFast",
            self._fast,
            self._row,
            ctypes.byref(self._length),
            self._score,
        )
        return _finite(self._score)[0]

    def contributions(self, row: Sequence[float | None]) -> list[float]:
        """Return the TreeSHAP contribution of each feature, then the baseline; together they are
        the raw score.
        """
        self._fill(row)
        self._call(
            "LGBM_BoosterPredictForMatSingleRow",
            self._handle,
            self._row,
            FLOAT64,
            ctypes.c_int32(self.features),
            ROW_MAJOR,
            CONTRIBUTIONS,
            0,
            -1,
            QUIET,
            ctypes.byref(self._length),
            self._parts,
        )
        return _finite(self._parts)

    def _fill(self, row: Sequence[float | None]) -> None:
        if len(row) != self.features:
            raise ModelError(
                f"A row has {len(row)} values where the model has {self.features} features."
            )
        self._row[:] = [math.nan if value is None else value for value in row]

    def _call(self, name: str, *arguments: Any) -> None:
        if getattr(self._library, name)(*arguments) != 0:
            raise ModelError(
                f"LightGBM refused: {self._library.LGBM_GetLastError().decode(errors='replace')}"
            )


def _finite(values: "ctypes.Array[ctypes.c_double]") -> list[float]:
    found: list[float] = list(values)
    if not all(map(math.isfinite, found)):
        raise ModelError("The model gave no finite number.")
    return found


def _library() -> ctypes.CDLL:
    spec = importlib.util.find_spec("lightgbm")
    if spec is None or spec.origin is None:
        raise ModelError("LightGBM is not installed.")
    names = ("lib_lightgbm.so", "lib_lightgbm.dylib", "lib_lightgbm.dll")
    folders = (Path(spec.origin).parent / "lib", Path(spec.origin).parent / "bin")
    path = next(
        (folder / name for folder in folders for name in names if (folder / name).exists()), None
    )
    try:
        library = ctypes.CDLL(str(path))
    except OSError as error:
        raise ModelError(
            f"LightGBM's library can't be loaded ({error}). On Debian: apt-get install libgomp1."
        ) from None
    library.LGBM_GetLastError.restype = ctypes.c_char_p
    return library
