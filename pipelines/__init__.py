"""Models of faces by their embeddings: arrays in; models, scores and tables out.

Knows nothing of photos, nor of where embeddings are kept.
"""

from pipelines import fusion, metrics, persistence, predictions
from pipelines.comparison import Comparison, compare, confusion
from pipelines.errors import ModelFileError, PipelineError, PredictionTableError
from pipelines.evaluation import Evaluation, cross_validate
from pipelines.figures import draw_confusion
from pipelines.folds import PROTOCOLS, Folds, assign_folds
from pipelines.models import MODELS, ModelFamily, get_family
from pipelines.splits import inner_splits
from pipelines.subjects import subject_codes
from pipelines.tasks import Task
from pipelines.tuning import TunedClassifier, TunedRegressor

__all__ = [
    "MODELS",
    "PROTOCOLS",
    "Comparison",
    "Evaluation",
    "Folds",
    "ModelFamily",
    "ModelFileError",
    "PipelineError",
    "PredictionTableError",
    "Task",
    "TunedClassifier",
    "TunedRegressor",
    "assign_folds",
    "compare",
    "confusion",
    "cross_validate",
    "draw_confusion",
    "fusion",
    "get_family",
    "inner_splits",
    "metrics",
    "persistence",
    "predictions",
    "subject_codes",
]
