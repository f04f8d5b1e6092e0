"""Speed and size as ratios in one run; never a test that fails by the clock."""
