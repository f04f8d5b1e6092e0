"""The part of a session's page that leads from each value to its Observation."""

from flask import Blueprint, request

from models.patient.coverage import unread
from smartapp.door import Door
from smartapp.evidence.asked import RANGES, STATES, asked
from smartapp.evidence.kept import evidence_of
from smartapp.evidence.table import PAGE, table


class EvidencePart:
    """The route of the evidence."""

    def __init__(self, door: Door):
        self._door = door

    def add_to(self, blueprint: Blueprint) -> None:
        """Add the route to the SMART app."""
        blueprint.add_url_rule("/l/<handle>/evidence", "evidence", self.show)

    def show(self, handle: str) -> str:
        """List the Observations that came with the chart, newest first, by what is asked for."""
        door = self._door
        opened = door.open(handle)
        sight = door.sight(opened)
        evidence, wanted = evidence_of(sight.evidence), asked(request.args)
        assessment = door.assess(sight, sight.seen)
        found = table(sight, evidence, assessment, wanted)
        return door.part(
            opened,
            sight,
            "evidence",
            {"asked": wanted.query(), "observations": [row.observed.id for row in found.rows]},
            asked=wanted,
            table=found,
            evidence=evidence,
            problems=unread(sight.now.chart, sight.now.at).values(),
            per_page=PAGE,
            read_at=sight.now.at,
            states=STATES,
            ranges=RANGES,
        )
