"""Scores of the out-of-fold table, with their intervals and tests."""
