"""Keeps the demonstration's patients and answers FHIR reads and searches within one patient's
compartment.
"""

import copy
import secrets
from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, unquote

from demo.patients.generate import DemoPatient
from demo.patients.resources import practitioners, wards
from demo.search import BadSearch, Parameters, search

TYPES = (
    "Patient", "Encounter", "Observation", "Condition", "Practitioner", "RiskAssessment", "Group",
)  # fmt: skip


class WrongOrder(Exception):
    """An order is of another patient than the chart in which it is made."""


class SeveralFound(Exception):
    """More than one resource has the identifier of a conditional create."""


class Forbidden(Exception):
    """The question is about another patient than the one it may be about."""


class Records:
    """All charts in memory; each patient's compartment holds what is filed under that patient."""

    def __init__(self, base: str, patients: Iterable[DemoPatient]):
        self.base = base
        self.patients = {patient.id: patient for patient in patients}
        self._shared = (
            *practitioners(),
            *wards((one.ward, one.id) for one in self.patients.values()),
        )
        self.orders: dict[str, list[dict[str, Any]]] = {}
        self._by_key = {
            (r["resourceType"], r["id"]): (owner.id, r)
            for owner in self.patients.values()
            for r in owner.resources
        }
        self._by_key |= {(r["resourceType"], r["id"]): (None, r) for r in self._shared}

    def at(self, base: str) -> "Records":
        """Return the same charts at another base: what is charted in one stands in all."""
        other = copy.copy(self)
        other.base = base
        return other

    def chart(self, patient_id: str, resources: Iterable[dict[str, Any]]) -> None:
        """File resources in a patient's chart; one with the id of another takes its place."""
        new = {(r["resourceType"], r["id"]): r for r in resources}
        patient = self.patients[patient_id]
        kept = (r for r in patient.resources if (r["resourceType"], r["id"]) not in new)
        self.patients[patient_id] = replace(patient, resources=(*kept, *new.values()))
        self._by_key |= {key: (patient_id, r) for key, r in new.items()}

    def create(
        self, patient_id: str, resource: dict[str, Any], query: Parameters | None
    ) -> tuple[dict[str, Any], bool]:
        """File a new resource with an id of ours; return it, and whether it is new: one that the
        query finds stands in its place. Raises WrongOrder for another patient's, SeveralFound.
        """
        if resource.get("subject") != {"reference": f"Patient/{patient_id}"}:
            raise WrongOrder
        found = self.search(resource["resourceType"], query, patient_id) if query else {}
        if found.get("total", 0) > 1:
            raise SeveralFound
        if found.get("total"):
            return found["entry"][0]["resource"], False
        made = resource | {"id": secrets.token_hex(8)}
        self.chart(patient_id, [made])
        return made, True

    def read(self, kind: str, resource_id: str, patient_id: str | None) -> dict[str, Any] | None:
        """Return a resource, None when there is none; a `patient_id` of None may read every chart.
        Raises Forbidden for another patient's.
        """
        owner, resource = self._by_key.get((kind, resource_id), (None, None))
        if patient_id is not None and owner not in (None, patient_id):
            raise Forbidden
        return resource

    def search(self, kind: str, parameters: Parameters, patient_id: str | None) -> dict[str, Any]:
        """Return a searchset Bundle of one patient's chart, of every chart for a `patient_id` of
        None. Raises BadSearch, Forbidden when another patient is asked for.
        """
        charts = {patient_id} if patient_id is not None else set(self.patients)
        for name, value in parameters:
            if _names_patients(kind, name):
                asked = {item.rpartition("Patient/")[2] for item in value.split(",")}
                if patient_id is not None and asked != charts:
                    raise Forbidden
                charts &= asked
        owners = [owner for owner in self.patients.values() if owner.id in charts]
        found = [resource for owner in owners for resource in owner.resources]
        return search(self.base, kind, (*found, *self._shared), parameters)

    def query(self, query: str, patient_id: str) -> dict[str, Any] | None:
        """Answer a relative FHIR query such as `Patient/1` or `Observation?code=x` as the server
        would.
        """
        path, _, arguments = query.partition("?")
        kind, _, resource_id = path.strip("/").partition("/")
        if kind not in TYPES:
            raise BadSearch(f"There is no {kind} here.")
        if resource_id:
            return self.read(kind, unquote(resource_id), patient_id)
        return self.search(kind, parse_qsl(arguments, keep_blank_values=True), patient_id)

    def order(self, patient_id: str, resources: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """Keep new orders of a patient, each with an id of ours, until the demonstration ends, and
        return them. Raises WrongOrder, and keeps none then.
        """
        made = [resource | {"id": secrets.token_hex(8)} for resource in resources]
        if any(one.get("subject") != {"reference": f"Patient/{patient_id}"} for one in made):
            raise WrongOrder
        self.orders.setdefault(patient_id, []).extend(made)
        return made

    def resource(self, kind: str, patient_id: str) -> dict[str, Any]:
        """Return a patient's Patient or Encounter."""
        return next(
            resource
            for resource in self.patients[patient_id].resources
            if resource["resourceType"] == kind
        )


def _names_patients(kind: str, name: str) -> bool:
    return name.partition(":")[0] in {"patient", "subject"} or (name, kind) == ("_id", "Patient")
