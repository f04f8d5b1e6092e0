"""Turns a range of values into round places on an axis: one way for pages and reports."""

import math


def round_values(low: float, high: float, wanted: int = 3) -> list[float]:
    """Return about `wanted` multiples of 1, 2 or 5 times a power of ten inside [low, high]."""
    span = high - low
    power = 10.0 ** math.floor(math.log10(span / wanted))
    step = min((power * factor for factor in (1, 2, 5, 10)), key=lambda s: abs(span / s - wanted))
    first = math.ceil(round(low / step, 9))
    return [round(step * n, 9) for n in range(first, math.floor(round(high / step, 9)) + 1)]
