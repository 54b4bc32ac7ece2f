"""scikit-learn's models: tuned, calibrated, saved and read without pickle."""
