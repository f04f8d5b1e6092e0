"""The decision to show a card, show less of it, or hold it back, and what it goes by."""
