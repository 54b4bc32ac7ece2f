"""Multi-layer perceptrons: one hidden layer, trained with Adam for a fixed number of epochs.

No early stopping: scikit-learn's would hold out random rows, so people would be on both
sides of that split. Kingma and Ba, "Adam: a method for stochastic optimization" (ICLR 2015).
"""

from sklearn.compose import TransformedTargetRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

EPOCHS = 20
HIDDEN = (256,)

CLASSIFIER_SPACE = {"mlpclassifier__alpha": (1.0, 3.0, 10.0)}
REGRESSOR_SPACE = {"mlpregressor__regressor__alpha": (1.0, 3.0, 10.0)}


def classifier(random_state: int | None = 0) -> Pipeline:
    """Make the classifier.

    Parameters
    ----------
    random_state : int or None, default=0
        Seed of the weights and of the order of rows.
    """
    network = MLPClassifier(
        hidden_layer_sizes=HIDDEN,
        alpha=3.0,
        max_iter=EPOCHS,
        n_iter_no_change=EPOCHS,
        random_state=random_state,
    )
    return make_pipeline(StandardScaler(), network)


def regressor(random_state: int | None = 0) -> Pipeline:
    """Make the regressor of years.

    Parameters
    ----------
    random_state : int or None, default=0
        Seed of the weights and of the order of rows.
    """
    network = MLPRegressor(
        hidden_layer_sizes=HIDDEN,
        alpha=3.0,
        max_iter=EPOCHS,
        n_iter_no_change=EPOCHS,
        random_state=random_state,
    )
    # The network's first outputs are near zero, so it learns standardised years.
    target = TransformedTargetRegressor(network, transformer=StandardScaler())
    return Pipeline([("standardscaler", StandardScaler()), ("mlpregressor", target)])
