"""The errors of this package.

::

    Exception
    └── PipelineError               everything below; catch this one
        ├── ModelFileError          a model file can't be read, or isn't trusted
        └── PredictionTableError    an out-of-fold table breaks its contract (a ValueError too)
"""


class PipelineError(Exception):
    """Base of every error that this package raises on purpose, bad arguments aside."""


class ModelFileError(PipelineError):
    """A model file is damaged, too large, of another format, or holds a type not allowed."""


class PredictionTableError(PipelineError, ValueError):
    """A table of out-of-fold predictions breaks its contract."""
