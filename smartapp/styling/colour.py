"""Turns a colour of CSS into red, green and blue, and two into their contrast (WCAG 2.2)."""

import re
from typing import NamedTuple

HEX = re.compile(r"#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
RGB = re.compile(r"rgb\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*\)")


class Colour(NamedTuple):
    """A colour by its parts, 0 to 255."""

    red: int
    green: int
    blue: int

    def __str__(self) -> str:
        return f"#{self.red:02x}{self.green:02x}{self.blue:02x}"

    @property
    def luminance(self) -> float:
        """Return the relative luminance, 0 (black) to 1."""
        linear = [
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
            for part in (value / 255 for value in self)
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def toward(self, other: "Colour", share: float) -> "Colour":
        """Return the mixture that holds this share of another colour."""
        return Colour(*(round(a + (b - a) * share) for a, b in zip(self, other, strict=True)))


def colour(text: object) -> Colour | None:
    """Return the colour that a text is, `#rgb`, `#rrggbb` or `rgb(r, g, b)`; None for all else."""
    if not isinstance(text, str):
        return None
    if found := HEX.fullmatch(text.strip()):
        digits = found[1] if len(found[1]) == 6 else "".join(2 * digit for digit in found[1])
        return Colour(*bytes.fromhex(digits))
    found = RGB.fullmatch(text.strip())
    parts = [int(part) for part in found.groups()] if found else []
    return Colour(*parts) if parts and max(parts) <= 255 else None


def contrast(one: Colour, other: Colour) -> float:
    """Return the contrast of two colours, 1 to 21."""
    light, dark = sorted((one.luminance, other.luminance), reverse=True)
    return (light + 0.05) / (dark + 0.05)
