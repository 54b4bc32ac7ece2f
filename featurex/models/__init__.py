"""Every model by name, as scikit-learn's estimators."""
