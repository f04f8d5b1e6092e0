"""What a clinician can do on a card beside reading it: apply a suggestion, give a reason."""
