"""Documents that anybody may keep: made and compressed once, told by their ETag."""
