"""Knows what in a chart is urgent: alarms, limits, what is overdue, and the response asked for."""
