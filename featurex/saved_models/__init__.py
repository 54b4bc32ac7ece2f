"""Models that are saved: trained on all rows, measured, described, written and read."""
