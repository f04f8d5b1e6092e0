"""What one caller may cost the others: turns, addresses, records of refusals."""
