"""What a model that never looks at the face scores: the bar every other row must clear."""

from sklearn.dummy import DummyClassifier, DummyRegressor


def classifier(random_state: int | None = 0) -> DummyClassifier:
    """Make a classifier that answers with the classes' shares in training.

    Parameters
    ----------
    random_state : int or None, default=0
        Not used.
    """
    return DummyClassifier(strategy="prior", random_state=random_state)


def regressor(random_state: int | None = 0) -> DummyRegressor:
    """Make a regressor that answers with the median of training, which minimises the MAE.

    Parameters
    ----------
    random_state : int or None, default=0
        Not used.
    """
    return DummyRegressor(strategy="median")
