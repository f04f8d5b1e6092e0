"""Charts as they might be: what would be said if values were others, or if one more were known."""
