"""The errors that featurex raises about the outside world.

::

    FeaturexError
    ├── DatasetError     a data set's folder or label file can't be used
    ├── PhotoError       one photo can't be read or decoded (never fatal to a run)
    │   └── NoPhotoError   what was given is no photo at all (a ValueError too)
    ├── BackboneError    a backbone's name, layer or weights
    ├── DeviceError      the requested accelerator isn't there
    ├── ModelError       a model file or what it can do
    └── RunError         the folder of a comparison or an audit can't be read

Two more come from what featurex is built on, and are no FeaturexError: CacheError, where a cache
can't be read or written, and PipelineError, of models, scores and tables. To catch all::

    try: ...
    except (featurex.FeaturexError, featurex.CacheError, featurex.PipelineError): ...

Bad arguments are :class:`ValueError`, as everywhere in Python. The command line shows any of
these as one line on stderr.
"""


class FeaturexError(Exception):
    """The parent of featurex's own errors."""


class DatasetError(FeaturexError):
    """A data set's folder, label file or contents can't be used as they are."""


class PhotoError(FeaturexError):
    """One photo can't be read or decoded.

    Parameters
    ----------
    name : str
        The photo's path, or what the caller knows it by.
    reason : str
        A short reason that is the same for every photo with this fault, so that it can be
        counted: ``"empty file"``, ``"not an image"``, ``"too many pixels"`` …

    Attributes
    ----------
    name, reason : str
        As given.
    """

    def __init__(self, name: str, reason: str) -> None:
        # Both go to args, so that the error survives pickling between worker processes.
        super().__init__(name, reason)
        self.name = name
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


class NoPhotoError(PhotoError, ValueError):
    """What was given as a photo is none: another type, or an array of another shape or dtype."""


class BackboneError(FeaturexError):
    """A backbone, its layer or its weights can't be had."""


class DeviceError(FeaturexError):
    """The device that was asked for isn't available."""


class ModelError(FeaturexError):
    """A saved model can't be used for what was asked."""


class RunError(FeaturexError):
    """The folder of a comparison or of an audit can't be used."""
