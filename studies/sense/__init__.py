"""Whether a model makes sense to a clinician, from patients made by code: needs no data."""
