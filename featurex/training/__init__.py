"""Trains networks end to end: settings, losses, augmentation, checkpoints, and the loop."""
