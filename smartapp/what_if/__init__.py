"""What if: other values than the chart's, what the models would say of them, and what a result that
is missing would do.
"""
