"""Turns the loaded models into their public model cards: page, facts label, Markdown, JSON and
plots (governance part 2).

Made from what lies in each version's folder; a validation of another model is not shown, and the
model card says so.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, request

from models.card.figures import counted
from models.card.model_card import ModelCard, model_card
from models.card.pictures import Plot, listed
from models.card.text import as_json, as_markdown, captioned
from models.card.validation import read_validation
from models.fitted.registry import TRAINED, Model, ModelError
from runtime.logs import get_logger
from runtime.publishing.document import Document
from smartapp.comparing.compared import ASKED
from smartapp.problems import NoCard
from smartapp.public.page import public_page

REFUSED = (
    "The validation in this version's folder can't be read or is of another model; it is not shown."
)
PAGE, LABEL = "pages/model_card.html", "pages/facts_label.html"
WORDS = {"captioned": captioned, "counted": counted}
log = get_logger("modelcard")


@dataclass(frozen=True, slots=True)
class Shown:
    """One model's model card, its pictures by file, and of the validation that both rest on what is
    ASKED of it later.
    """

    model: Model
    model_card: ModelCard
    plots: tuple[Plot, ...]
    pictures: dict[str, Document]
    validation: dict[str, Any] | None


class ModelCards:
    """The routes of the model cards; none needs a session. Each document is made when it is first
    asked for, and then kept: a server of hooks alone never makes them.
    """

    def __init__(self, models: Sequence[Model], trained: Path | None = None):
        self.shown = {
            model.id.name: _read(model, (trained or TRAINED) / model.id.name / model.id.version)
            for model in models
        }
        self.kept: dict[tuple[str, str], Document] = {}

    def add_to(self, blueprint: Blueprint) -> None:
        """Add every route to the SMART app."""
        blueprint.add_url_rule("/model-card", "model_card", self.all)
        blueprint.add_url_rule("/model-card/<name>/label", "facts_label", self.label)
        blueprint.add_url_rule("/model-card/<name>.json", "model_card_json", self.json)
        blueprint.add_url_rule("/model-card/<name>.md", "model_card_markdown", self.markdown)
        blueprint.add_url_rule("/model-card/<name>/plots/<file>", "model_card_plot", self.plot)

    def all(self) -> Response:
        """Show the full model card of each model."""
        shown = self.shown.values()
        return self._kept("all", "", lambda: public_page(PAGE, shown=shown, **WORDS))

    def label(self, name: str) -> Response:
        """Show the one-page facts label of a model."""
        card = self._find(name).model_card
        return self._kept("label", name, lambda: public_page(LABEL, model_card=card, **WORDS))

    def json(self, name: str) -> Response:
        """Send a model's model card for machines."""
        card = self._find(name).model_card
        kind = "application/json"
        return self._kept("json", name, lambda: Document(as_json(card).encode(), kind))

    def markdown(self, name: str) -> Response:
        """Send a model's model card as Markdown."""
        card = self._find(name).model_card
        kind = "text/markdown"
        return self._kept("md", name, lambda: Document(as_markdown(card).encode(), kind))

    def plot(self, name: str, file: str) -> Response:
        """Send a picture that the version's plots.json lists, and no other file."""
        pictures = self._find(name).pictures
        if file not in pictures:
            raise NoCard("no such plot")
        return pictures[file].dated(request.args.get("v"))

    def _find(self, name: str) -> Shown:
        if name not in self.shown:
            raise NoCard("no such model")
        return self.shown[name]

    def _kept(self, form: str, name: str, make: Callable[[], Document]) -> Response:
        if (form, name) not in self.kept:
            self.kept[form, name] = make()
        return self.kept[form, name].answer()


def _read(model: Model, folder: Path) -> Shown:
    try:
        validation, refused = read_validation(folder, model), None
    except ModelError as error:
        log.error("validation_refused", reason=str(error))
        validation, refused = None, REFUSED
    plots = _plots(folder)
    pictures = {
        plot.file: Document((folder / "plots" / plot.file).read_bytes(), "image/png")
        for plot in plots
    }
    card = model_card(model, validation, refused)
    # Each worker keeps what it goes on asking, and not some megabytes of tables.
    kept = {name: of for name, of in validation.items() if name in ASKED} if validation else None
    return Shown(model, card, plots, pictures, kept)


def _plots(folder: Path) -> tuple[Plot, ...]:
    try:
        return listed(folder)
    except ModelError as error:
        log.error("plots_refused", reason=str(error))
        return ()
