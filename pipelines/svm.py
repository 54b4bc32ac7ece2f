"""Support vector machines with a radial basis kernel.

Cortes and Vapnik, "Support-vector networks" (Machine Learning 20, 1995).
"""

from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR

# Kernel rows kept in memory, in MB.
CACHE_MB = 1000

# The share of variance that the principal components keep: the kernel's cost is
# proportional to their number.
VARIANCE = 0.95

CLASSIFIER_SPACE = {"svc__C": (1.0, 3.0, 10.0)}
REGRESSOR_SPACE = {"svr__C": (3.0, 10.0, 30.0)}


def classifier(random_state: int | None = 0) -> Pipeline:
    """Make the classifier; its probabilities come from calibration around it.

    Parameters
    ----------
    random_state : int or None, default=0
        Not used by the default steps, which are deterministic.
    """
    return make_pipeline(
        StandardScaler(),
        PCA(VARIANCE, svd_solver="full", random_state=random_state),
        SVC(C=3.0, gamma="scale", cache_size=CACHE_MB, random_state=random_state),
    )


def regressor(random_state: int | None = 0) -> Pipeline:
    """Make the regressor of years; errors within a year cost nothing.

    Parameters
    ----------
    random_state : int or None, default=0
        Not used by the default steps, which are deterministic.
    """
    return make_pipeline(
        StandardScaler(),
        PCA(VARIANCE, svd_solver="full", random_state=random_state),
        SVR(C=10.0, epsilon=1.0, gamma="scale", cache_size=CACHE_MB),
    )
