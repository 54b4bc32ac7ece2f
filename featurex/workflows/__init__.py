"""Whole jobs, from photos to files: what the command line and Python programs call."""
