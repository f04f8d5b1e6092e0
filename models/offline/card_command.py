"""Turns a version's folder into its model card on the screen: `vigil card NAME`, as Markdown, JSON or one HTML page."""

import base64
from pathlib import Path

import click

from models.offline.commands import MODELS

ROOT = Path(__file__).parents[2]


@click.command()
@click.argument("name")
@click.option("--version", help="Version; the champion if not given.")
@click.option("--format", "form", type=click.Choice(["markdown", "json", "html"]), default="markdown", show_default=True)
@MODELS
def card(name: str, version: str | None, form: str, folder: Path) -> None:
    """Print the model card of a version: facts label, sections, figures, 31 source attributes, TRIPOD+AI."""
    from models import card_text
    from models.card import card as made
    from models.evidence import read_validation
    from models.registry import load, located

    place = located(name, version, folder)
    model = load(place)
    found = made(model, read_validation(place, model))
    write = {"markdown": card_text.as_markdown, "json": card_text.as_json, "html": lambda one: page(one, place)}
    click.echo(write[form](found), nl=False)


def page(card, folder: Path) -> str:
    """Return the card as one HTML page that needs no other file; the pictures of the version's folder are within."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from models.card_text import captioned
    from models.evidence import counted
    from models.pictures import listed

    def address(file: str) -> str:
        return f"data:image/png;base64,{base64.b64encode((folder / 'plots' / file).read_bytes()).decode()}"

    pages = Environment(loader=FileSystemLoader(ROOT / "templates"), autoescape=True, undefined=StrictUndefined)
    style = (ROOT / "static" / "app.css").read_text("utf-8")
    return pages.get_template("cards/model_card.html").render(
        card=card, plots=listed(folder), address=address, captioned=captioned, counted=counted, style=style
    )
