"""Sends what HealthChain's SandboxClient loads: `call.py URL (FILE [PATIENT] | --synthetic)`.

Prints the answers as the client returns them, what its own model of a response finds wrong in each,
and what it asked.
"""

import json
import sys

from healthchain.models import CDSResponse
from healthchain.sandbox import SandboxClient
from pydantic import ValidationError


def loaded(url, source, patient=None):
    """Return a client with one request, of a patient at random unless one is given."""
    client = SandboxClient(url=url, workflow="patient-view")
    if source == "--synthetic":
        return client.load_synthetic(1, random_seed=1)
    client.load_from_path(source)
    if patient:
        client.requests[0].context.patientId = patient
    return client


def faults(answer):
    """Return where HealthChain's model refuses an answer."""
    try:
        CDSResponse.model_validate(answer)
    except ValidationError as error:
        return [[*found["loc"], found["type"]] for found in error.errors()]
    return []


client = loaded(*sys.argv[1:])
answers = client.send_requests()
asked = [request.model_dump(mode="json", exclude_none=True) for request in client.requests]
print(json.dumps({"answers": answers, "faults": [faults(a) for a in answers], "asked": asked}))
