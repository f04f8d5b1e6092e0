"""Turns data sets, published or a hospital's own, into Stays."""
