from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from pipelines import ModelFamily, Task
from pipelines.models import baselines, mlp, random_forest, svm

AGE_GROUP = Task("age-group", ("child", "adult", "old"), ordered=True, years=(6.0, 35.0, 70.0))
GENDER = Task("gender", ("female", "male"))
AGE = Task("age", None)


@dataclass(frozen=True)
class People:
    """Made-up embeddings: three photos of each person, who has one age and gender."""

    X: np.ndarray
    subjects: np.ndarray
    age: np.ndarray
    age_group: np.ndarray
    gender: np.ndarray
    image_ids: list[str]

    def labels(self, task: Task) -> np.ndarray:
        return {"age-group": self.age_group, "gender": self.gender, "age": self.age}[task.name]


def make_people(n_subjects: int = 60, seed: int = 0) -> People:
    rng = np.random.default_rng(seed)
    subject = np.repeat(np.arange(n_subjects), 3)
    group = (np.arange(n_subjects) % 3)[subject]
    sex = (np.arange(n_subjects) // 3 % 2)[subject]
    X = rng.normal(size=(len(subject), 8))
    X[:, :3] += 3 * np.eye(3)[group]
    X[:, 3] += 4 * sex
    return People(
        X=X.astype(np.float32),
        subjects=np.array([f"s{number}" for number in subject]),
        age=np.array([6.0, 35.0, 70.0])[group] + rng.integers(-3, 4, n_subjects)[subject],
        age_group=np.array(AGE_GROUP.classes)[group],
        gender=np.array(GENDER.classes)[sex],
        image_ids=[f"{row:064x}" for row in range(len(subject))],
    )


@pytest.fixture(scope="session")
def people() -> People:
    return make_people()


@pytest.fixture(scope="session")
def tasks() -> list[Task]:
    return [AGE_GROUP, GENDER, AGE]


@pytest.fixture(scope="session")
def small_families() -> dict[str, ModelFamily]:
    """The real families with fewer trees and epochs."""

    def forest(module_function):
        return lambda seed: module_function(seed).set_params(n_estimators=8)

    def network(module_function, prefix):
        return lambda seed: module_function(seed).set_params(**{f"{prefix}__max_iter": 20})

    return {
        "svm": ModelFamily("svm", svm.classifier, svm.regressor, calibrate=True),
        "random-forest": ModelFamily(
            "random-forest",
            forest(random_forest.classifier),
            forest(random_forest.regressor),
        ),
        "mlp": ModelFamily(
            "mlp",
            network(mlp.classifier, "mlpclassifier"),
            network(mlp.regressor, "mlpregressor__regressor"),
        ),
        "majority": ModelFamily("majority", baselines.classifier, baselines.regressor),
    }


def make_predictions(model: str = "m", shift: int = 0, n: int = 12) -> pd.DataFrame:
    """Predictions of the gender task; the first `shift` rows are wrong."""
    truth = np.array(GENDER.classes)[np.arange(n) % 2]
    right = np.where(np.arange(n) < shift, 0.2, 0.9)
    female = np.where(truth == "female", right, 1 - right)
    return pd.DataFrame(
        {
            "image_id": [f"{row:064x}" for row in range(n)],
            "task": "gender",
            "model": model,
            "fold": np.arange(n) % 3,
            "y_true": truth,
            "years_true": np.nan,
            "years_pred": np.nan,
            "p_female": female,
            "p_male": 1 - female,
        }
    )


@pytest.fixture
def predict_gender():
    return make_predictions
