"""Turns Assessments into the geometry of plots: numbers in, coordinates and labels out."""
