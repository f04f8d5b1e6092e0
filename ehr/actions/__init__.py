"""What a clinician can do beside reading, on a card as on the page: order, or say otherwise."""
