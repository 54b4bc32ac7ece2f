"""Fits over the folds, gathered into the out-of-fold table."""
