"""One call without an EHR: a chart from a file, its card as a clinician would read it."""
