"""Records and measures how a model computes a translation."""

from keras_transformer.interpretation.ablation import (
    HeadEffect,
    ablate_heads,
    without_heads,
)
from keras_transformer.interpretation.attribution import attribute
from keras_transformer.interpretation.forward import attentions
from keras_transformer.interpretation.heads import HeadWeight, find_heads
from keras_transformer.interpretation.record import (
    Attribution,
    Candidates,
    Hypothesis,
    SearchRecord,
    SearchStep,
    Sentence,
    Target,
    Trace,
)
from keras_transformer.interpretation.rollout import Rollout, attention_rollout
from keras_transformer.interpretation.tracer import Tracer
from keras_transformer.interpretation.tracing import logit_lens, trace

__all__ = [
    "Attribution",
    "Candidates",
    "HeadEffect",
    "HeadWeight",
    "Hypothesis",
    "Rollout",
    "SearchRecord",
    "SearchStep",
    "Sentence",
    "Target",
    "Trace",
    "Tracer",
    "ablate_heads",
    "attention_rollout",
    "attentions",
    "attribute",
    "find_heads",
    "logit_lens",
    "trace",
    "without_heads",
]
