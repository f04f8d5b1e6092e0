"""What became of the cards, as feedback tells it: `vigil feedback report`."""
