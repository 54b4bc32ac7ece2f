"""The command line: one module a verb, and no logic of its own."""

from featurex.cli.app import app, main

__all__ = ["app", "main"]
