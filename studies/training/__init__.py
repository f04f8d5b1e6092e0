"""Turns data sets into models: rows, fits, calibration, certainty, release."""
