"""Losses, metrics, optimizers, steps, strategies, checkpoints and callbacks."""

from keras_transformer.training.checkpoint_files import newest_step
from keras_transformer.training.checkpoints import TrainingCheckpoints
from keras_transformer.training.cluster import (
    check_agreement,
    from_chief,
    is_chief,
    lost_workers,
)
from keras_transformer.training.consistency import (
    ConsistencyLoss,
    Distillation,
    RDrop,
    SimCut,
)
from keras_transformer.training.distributed_model import DistributedModel
from keras_transformer.training.gradient_norms import GradientNorms
from keras_transformer.training.hardware import (
    fast_precision,
    precision_warning,
)
from keras_transformer.training.losses import (
    SMOOTHING_OVER,
    SmoothedCrossEntropy,
    cross_entropy,
)
from keras_transformer.training.optimizers import (
    OPTIMIZERS,
    make_optimizer,
    paper_adam,
)
from keras_transformer.training.schedules import (
    SCHEDULES,
    CoolDown,
    WarmupInverseSqrt,
    WarmupTo,
)
from keras_transformer.training.stop_on_nan import StopOnNaN
from keras_transformer.training.strategies import strategy
from keras_transformer.training.token_accuracy import TokenAccuracy

__all__ = [
    "ConsistencyLoss",
    "CoolDown",
    "Distillation",
    "DistributedModel",
    "GradientNorms",
    "OPTIMIZERS",
    "RDrop",
    "SCHEDULES",
    "SMOOTHING_OVER",
    "SimCut",
    "SmoothedCrossEntropy",
    "StopOnNaN",
    "TokenAccuracy",
    "TrainingCheckpoints",
    "WarmupInverseSqrt",
    "WarmupTo",
    "check_agreement",
    "cross_entropy",
    "fast_precision",
    "from_chief",
    "is_chief",
    "lost_workers",
    "make_optimizer",
    "newest_step",
    "paper_adam",
    "precision_warning",
    "strategy",
]
