"""Answers the part `compare` of a session's page."""

from collections.abc import Mapping

from flask import Blueprint

from models.card.figures import counted
from smartapp.comparing.compared import Behind, compared, often, span
from smartapp.door import Door

NAME = "compare"


class Compare:
    """The route of the part; `behind` is what each model's risks are compared with, by its name."""

    def __init__(self, door: Door, behind: Mapping[str, Behind | None]):
        self.door, self.behind = door, behind

    def add_to(self, blueprint: Blueprint) -> None:
        """Add the route and the filters of its words to the SMART app."""
        for word in (counted, often, span):
            blueprint.add_app_template_filter(word, word.__name__)
        blueprint.add_url_rule(f"/l/<handle>/{NAME}", NAME, self.show)

    def show(self, handle: str) -> str:
        """Show where each risk of the page stands among those of its validation."""
        opened = self.door.open(handle)
        sight = self.door.sight(opened)
        assessment = self.door.assess(sight, sight.seen)
        found = compared(assessment, self.behind)
        return self.door.part(
            opened,
            sight,
            NAME,
            {"compared": [one.risk.model.name for one in found if one.behind]},
            assessment=assessment,
            compared=found,
            models=[model.id.name for model in self.door.models],
        )
