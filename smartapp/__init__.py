"""Knows SMART App Launch and the pages that a clinician sees."""
