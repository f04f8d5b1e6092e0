"""Turns the loaded models into their public model cards: page, facts label, Markdown, JSON and
plots (governance part 2).

Made once at the start from what lies in each version's folder; a validation of another model is not
shown, and the model card says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flask import Blueprint, Response, render_template

from models.card.figures import counted
from models.card.model_card import ModelCard, model_card
from models.card.pictures import Plot, listed
from models.card.text import as_json, as_markdown, captioned
from models.card.validation import read_validation
from models.fitted.registry import TRAINED, Model, ModelError
from runtime.logs import get_logger
from smartapp.problems import NoCard

REFUSED = (
    "The validation in this version's folder can't be read or is of another model; it is not shown."
)
log = get_logger("modelcard")


@dataclass(frozen=True, slots=True)
class Shown:
    """One model's model card and plots, and the folder they come from."""

    model_card: ModelCard
    plots: tuple[Plot, ...]
    folder: Path


class ModelCards:
    """The routes of the model cards; none needs a session."""

    def __init__(self, models: Sequence[Model], trained: Path | None = None):
        self.shown = {
            model.id.name: _read(model, (trained or TRAINED) / model.id.name / model.id.version)
            for model in models
        }

    def add_to(self, blueprint: Blueprint) -> None:
        """Add every route to the SMART app."""
        blueprint.add_url_rule("/model-card", "model_card", self.all)
        blueprint.add_url_rule("/model-card/<name>/label", "facts_label", self.label)
        blueprint.add_url_rule("/model-card/<name>.json", "model_card_json", self.json)
        blueprint.add_url_rule("/model-card/<name>.md", "model_card_markdown", self.markdown)
        blueprint.add_url_rule("/model-card/<name>/plots/<file>", "model_card_plot", self.plot)

    def all(self) -> str:
        """Show the full model card of each model."""
        return render_template(
            "pages/model_card.html", shown=self.shown.values(), captioned=captioned, counted=counted
        )

    def label(self, name: str) -> str:
        """Show the one-page facts label of a model."""
        return render_template(
            "pages/facts_label.html",
            model_card=self._find(name).model_card,
            captioned=captioned,
            counted=counted,
        )

    def json(self, name: str) -> Response:
        """Send a model's model card for machines."""
        return Response(as_json(self._find(name).model_card), mimetype="application/json")

    def markdown(self, name: str) -> Response:
        """Send a model's model card as Markdown."""
        return Response(as_markdown(self._find(name).model_card), mimetype="text/markdown")

    def plot(self, name: str, file: str) -> Response:
        """Send a picture that the version's plots.json lists, and no other file."""
        shown = self._find(name)
        if file not in {plot.file for plot in shown.plots}:
            raise NoCard("no such plot")
        return Response((shown.folder / "plots" / file).read_bytes(), mimetype="image/png")

    def _find(self, name: str) -> Shown:
        if name not in self.shown:
            raise NoCard("no such model")
        return self.shown[name]


def _read(model: Model, folder: Path) -> Shown:
    try:
        validation, refused = read_validation(folder, model), None
    except ModelError as error:
        log.error("validation_refused", reason=str(error))
        validation, refused = None, REFUSED
    return Shown(model_card(model, validation, refused), _plots(folder), folder)


def _plots(folder: Path) -> tuple[Plot, ...]:
    try:
        return listed(folder)
    except ModelError as error:
        log.error("plots_refused", reason=str(error))
        return ()
