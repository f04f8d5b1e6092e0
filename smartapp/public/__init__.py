"""Pages and files that hold no patient data, and that anybody may keep."""
