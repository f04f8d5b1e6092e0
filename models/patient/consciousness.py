"""The levels of consciousness by their ACVPU points, and the coma scores that they stand for.

Source: RCP NEWS2 (2017) for ACVPU; Kelly et al., Resuscitation 2004, for the coma scores.
"""

LEVELS = ("alert", "new confusion", "voice", "pain", "unresponsive")
# Median coma score seen at each level (Kelly 2004: A 15, V 13, P 8, U 6); confusion is a verbal
# score of 4, so 14.
GCS_OF_LEVEL = (15.0, 14.0, 13.0, 8.0, 6.0)
