"""How many test photos show somebody whom the model was trained on."""

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class SharedPeople:
    """How many test photos show somebody who is in training too.

    Parameters
    ----------
    n_photos : int
        Test photos.
    n_named : int
        Those of them whose subject is known.
    share : float
        Of these, those whose subject has a photo in another fold, in [0, 1]; the mean over repeats,
        NaN where nobody is known.
    """

    n_photos: int
    n_named: int
    share: float

    @property
    def warning(self) -> str:
        """What to say wherever scores of such folds are shown."""
        text = "photos were put into folds at random, so people may be on both sides: "
        if not self.n_named:
            return text + "the data name nobody, so by how much scores are too high is unknown."
        text += (
            f"{self.share:.1%} of the {self.n_named} test photos whose person is known show "
            "somebody who is in training too, and scores may be of recognising people."
        )
        unknown = self.n_photos - self.n_named
        if unknown == 1:
            return f"{text} 1 photo names nobody."
        return text + f" {unknown} photos name nobody." * bool(unknown)


def shared_people(known: np.ndarray, folds: np.ndarray) -> SharedPeople:
    """Count the photos that are tested by models that saw their person.

    Parameters
    ----------
    known : ndarray of shape (n,), int
        Subjects, as of `known_subjects`.
    folds : ndarray of shape (n,) or (n, n_repeats), int
        In which each row is tested.

    Returns
    -------
    SharedPeople

    Examples
    --------
    >>> shared_people(np.array([0, 0, 1, -1]), np.array([0, 1, 1, 1])).share
    0.6666666666666666
    """
    named = known >= 0
    shares = [np.nan] * (not named.any())
    for column in folds[named].reshape(named.sum(), -1).T if named.any() else ():
        rows = pd.DataFrame({"person": known[named], "fold": column})
        n_photos = rows.groupby("person")["fold"].transform("size")
        n_here = rows.groupby(["person", "fold"])["fold"].transform("size")
        shares.append(float((n_photos > n_here).mean()))
    return SharedPeople(len(known), int(named.sum()), float(np.mean(shares)))
