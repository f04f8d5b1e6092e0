"""Dresses the page in the EHR's own colours and fonts, where they stay readable."""
