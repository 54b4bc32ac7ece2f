"""Random forests.

Breiman, "Random forests" (Machine Learning 45, 2001).
"""

from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

TREES = 100

CLASSIFIER_SPACE = {"min_samples_leaf": (2, 5)}
REGRESSOR_SPACE = {"min_samples_leaf": (2, 5)}


def classifier(random_state: int | None = 0) -> RandomForestClassifier:
    """Make the classifier.

    Parameters
    ----------
    random_state : int or None, default=0
        Seed of the rows and features each tree sees.
    """
    return RandomForestClassifier(TREES, min_samples_leaf=2, random_state=random_state)


def regressor(random_state: int | None = 0) -> RandomForestRegressor:
    """Make the regressor of years.

    Parameters
    ----------
    random_state : int or None, default=0
        Seed of the rows and features each tree sees.
    """
    return RandomForestRegressor(
        TREES, min_samples_leaf=2, max_features="sqrt", random_state=random_state
    )
