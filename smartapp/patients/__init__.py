"""Lists of charts: those that this user had assessed, a unit's, and the EHR's own lists."""
