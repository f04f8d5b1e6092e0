"""The suggestions of a card."""
