"""Turns Stays and models into every figure of a validation, and its report."""
