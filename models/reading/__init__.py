"""Knows how a chart is written: FHIR resources of any country become a Chart."""
