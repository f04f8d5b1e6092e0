"""Turns a version's folder into its model card on the screen: `vigil card NAME`, as Markdown,
JSON or one HTML page.
"""

import base64
from pathlib import Path

import click

from studies.commands import MODELS

ROOT = Path(__file__).parents[1]


@click.command("card")
@click.argument("name")
@click.option("--version", help="Version; the champion if not given.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["markdown", "json", "html"]),
    default="markdown",
    show_default=True,
)
@MODELS
def model_card(name: str, version: str | None, form: str, folder: Path) -> None:
    """Print the model card of a version: facts label, sections, figures, 31 source attributes,
    TRIPOD+AI.
    """
    from models.card import text
    from models.card.model_card import model_card as made
    from models.card.validation import read_validation
    from models.fitted.registry import load, located

    place = located(name, version, folder)
    model = load(place)
    found = made(model, read_validation(place, model))
    write = {
        "markdown": text.as_markdown,
        "json": text.as_json,
        "html": lambda one: page(one, place),
    }
    click.echo(write[form](found), nl=False)


def page(model_card, folder: Path) -> str:
    """Return the model card as one HTML page that needs no other file; the pictures of the
    version's folder are within.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from models.card.figures import counted
    from models.card.pictures import listed
    from models.card.text import captioned

    def address(file: str) -> str:
        picture = base64.b64encode((folder / "plots" / file).read_bytes()).decode()
        return f"data:image/png;base64,{picture}"

    pages = Environment(
        loader=FileSystemLoader(ROOT / "templates"), autoescape=True, undefined=StrictUndefined
    )
    style = (ROOT / "static" / "app.css").read_text("utf-8")
    return pages.get_template("cards/model_card.html").render(
        model_card=model_card,
        plots=listed(folder),
        address=address,
        captioned=captioned,
        counted=counted,
        style=style,
    )
