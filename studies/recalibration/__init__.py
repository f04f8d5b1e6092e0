"""What a hospital does with its own outcomes: a model's calibration, and all that hangs on it."""
