"""Knows medicine and mathematics: resources become readings, features, a risk and its
contributions.
"""
