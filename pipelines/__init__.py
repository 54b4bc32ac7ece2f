"""Models of faces by their embeddings: arrays in; models, scores and tables out.

Knows nothing of photos, nor of where embeddings are kept.
"""

from pipelines.errors import ModelFileError, PipelineError, PredictionTableError
from pipelines.evaluation import fusion
from pipelines.evaluation.cross_validation import CrossValidation, cross_validate
from pipelines.evaluation.fits import FitJob, FoldFit
from pipelines.evaluation.gathering import Evaluation
from pipelines.figures import curves
from pipelines.figures.curves import draw_curves
from pipelines.figures.drawing import draw_confusion, draw_reliability
from pipelines.folds.assignment import Folds, assign_folds, check_protocol
from pipelines.folds.protocols import PROTOCOLS, TEST_SHARE
from pipelines.folds.shared_people import SharedPeople
from pipelines.folds.splits import inner_holdout, inner_splits
from pipelines.folds.subjects import subject_codes
from pipelines.models import persistence
from pipelines.models.acceleration import ACCELERATORS, check_accelerator
from pipelines.models.families import MODELS, ModelFamily, get_family
from pipelines.models.tuned_classifier import TunedClassifier
from pipelines.models.tuned_regressor import TunedRegressor
from pipelines.out_of_fold import predictions
from pipelines.out_of_fold.answers import has_probabilities
from pipelines.out_of_fold.panel import each_model
from pipelines.scoring.by_group import score_groups
from pipelines.scoring.confusions import confusion
from pipelines.scoring.recalls import recall_table
from pipelines.scoring.reliability import calibration_table, reliability_table
from pipelines.scoring.selective import selective_table
from pipelines.tables.comparison import Comparison, compare
from pipelines.tables.facts import with_facts
from pipelines.tasks import Task

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
    "inner_holdout",
    "inner_splits",
    "persistence",
    "predictions",
    "recall_table",
    "reliability_table",
    "score_groups",
    "selective_table",
    "subject_codes",
    "with_facts",
]
