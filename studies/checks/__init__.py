"""What a training finds out about its model and data: leaks, other hospitals, the next hours."""
