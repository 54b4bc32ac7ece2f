"""Models of faces by their embeddings: arrays in; models, scores and tables out.

Knows nothing of photos, nor of where embeddings are kept.
"""

from pipelines import curves, fusion, metrics, persistence, predictions
from pipelines.acceleration import ACCELERATORS, check_accelerator
from pipelines.answers import has_probabilities
from pipelines.by_group import score_groups
from pipelines.comparison import Comparison, compare
from pipelines.confusions import confusion
from pipelines.curves import draw_curves
from pipelines.errors import ModelFileError, PipelineError, PredictionTableError
from pipelines.evaluation import CrossValidation, cross_validate
from pipelines.facts import with_facts
from pipelines.figures import draw_confusion, draw_reliability
from pipelines.fits import FitJob, FoldFit
from pipelines.folds import Folds, assign_folds, check_protocol
from pipelines.gathering import Evaluation
from pipelines.models import MODELS, ModelFamily, get_family
from pipelines.panel import each_model
from pipelines.protocols import PROTOCOLS, TEST_SHARE
from pipelines.recalls import recall_table
from pipelines.reliability import calibration_table, reliability_table
from pipelines.selective import selective_table
from pipelines.shared_people import SharedPeople
from pipelines.splits import inner_splits
from pipelines.subjects import subject_codes
from pipelines.tasks import Task
from pipelines.tuning import TunedClassifier, TunedRegressor

__all__ = [
    "ACCELERATORS",
    "MODELS",
    "PROTOCOLS",
    "TEST_SHARE",
    "Comparison",
    "CrossValidation",
    "Evaluation",
    "FitJob",
    "FoldFit",
    "Folds",
    "ModelFamily",
    "ModelFileError",
    "PipelineError",
    "PredictionTableError",
    "SharedPeople",
    "Task",
    "TunedClassifier",
    "TunedRegressor",
    "assign_folds",
    "calibration_table",
    "check_accelerator",
    "check_protocol",
    "compare",
    "confusion",
    "cross_validate",
    "curves",
    "draw_confusion",
    "draw_curves",
    "draw_reliability",
    "each_model",
    "fusion",
    "get_family",
    "has_probabilities",
    "inner_splits",
    "metrics",
    "persistence",
    "predictions",
    "recall_table",
    "reliability_table",
    "score_groups",
    "selective_table",
    "subject_codes",
    "with_facts",
]
