"""The comparison: every model on the same faces in the same folds."""
