"""An EHR's style becomes a stylesheet of ours only so far as the page stays readable."""

import json

import pytest

from smartapp.styling.colour import Colour, colour, contrast
from smartapp.styling.style import stylesheet


def sheet(**style) -> str:
    return stylesheet(json.dumps(style).encode())


@pytest.mark.parametrize(
    "text, found",
    [
        ("#EDEae3", Colour(0xED, 0xEA, 0xE3)),
        ("#fff", Colour(255, 255, 255)),
        (" rgb(1, 22 ,255) ", Colour(1, 22, 255)),
        ("rgb(1,2,256)", None),
        ("rgba(0,0,0,.5)", None),
        ("red", None),
        ("#ffff", None),
        ("#fff; } body { display: none", None),
        ("url(https://evil.example.org)", None),
        (7, None),
    ],
)
def test_only_whole_opaque_colours_are_taken(text, found):
    assert colour(text) == found


def test_contrast_is_that_of_wcag():
    """Black on white is 21; the greys on either side of 4.5 are those of the standard's notes."""
    white = Colour(255, 255, 255)
    assert contrast(white, Colour(0, 0, 0)) == pytest.approx(21)
    assert contrast(Colour(0x76, 0x76, 0x76), white) > 4.5 > contrast(white, Colour(119, 119, 119))


def test_a_light_style_is_mapped_on_our_properties():
    """Only for screens in the light scheme: print and the dark scheme stay ours, and so does
    whatever marks a risk.
    """
    css = sheet(color_background="#f7f9fb", color_text="#101010", color_error="#00ff00")
    assert css.startswith("@media screen and (prefers-color-scheme: light) { :root { ")
    assert "--ground: #f7f9fb;" in css and "--ink: #101010;" in css and "--panel: #" in css
    assert not any(name in css for name in ("--raises", "--lowers", "--high", "00ff00"))


@pytest.mark.parametrize(
    "ground, text",
    [
        ("#ffffff", "#888888"),
        ("#202020", "#ffffff"),
        ("#b0b0b0", "#000000"),
        ("#ffffff", None),
        (None, "#000000"),
        ("#ffffff", "#ffffff"),
    ],
)
def test_a_style_that_is_hard_to_read_gives_no_colours(ground, text):
    """Their text on their ground, and each of our own colours on it, has to have AA contrast."""
    style = {"color_background": ground, "color_text": text, "dim_font_size": "17px"}
    css = sheet(**{name: value for name, value in style.items() if value})
    assert "--ground" not in css and "font-size: 17px" in css


@pytest.mark.parametrize(
    "size, kept",
    [
        ("16px", True),
        ("1.1rem", True),
        ("13.5pt", True),
        ("110%", True),
        ("9px", False),
        ("40px", False),
        ("calc(1px)", False),
        ("16px; color: red", False),
        (16, False),
    ],
)
def test_sizes_of_text_stay_within_what_the_page_bears(size, kept):
    assert ("font-size" in sheet(dim_font_size=size)) is kept


@pytest.mark.parametrize(
    "fonts, kept",
    [
        ("Georgia, Times, 'Times New Roman', serif", True),
        ('"Open Sans", Arial', True),
        ("Arial", True),
        ("Arial; } * { display: none", False),
        ("'Arial", False),
        ("Arial,, serif", False),
        ("url(x)", False),
        ("A" * 201, False),
        (["Arial"], False),
    ],
)
def test_fonts_are_names_and_nothing_else(fonts, kept):
    """Ours stand behind them, since a font is never loaded."""
    css = sheet(font_family_body=fonts, font_family_heading=fonts)
    assert css.count("system-ui, sans-serif;") == (2 if kept else 0) and ("{" in css) is kept


def test_corners_are_rounded_as_in_the_ehr():
    assert "border-radius: 6px" in sheet(dim_border_radius="6px")
    assert sheet(dim_border_radius="99px", dim_spacing_size="20px") == ""


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b"[" * 100_000, b"\xff"])
def test_what_is_no_style_is_none(body):
    assert stylesheet(body) == ""
