"""Defines conventions, the details in which well-known systems differ.

The paper leaves details open, and later systems changed other details. A
model that exchanges weights with a system must follow the convention of this
system in every detail.
"""

import dataclasses
from typing import Any

from keras_transformer.models import config as configs


@dataclasses.dataclass(frozen=True)
class Convention:
    """The details in which one system differs from others.

    architecture: fields of `TransformerConfig`, with their values. `start_id`
        is an id of the vocabularies of this package: 0 is padding, 1 the start,
        2 the end.
    label_smoothing: epsilon, the probability that is taken from the label.
    smoothing_over: which tokens get this probability, see `cross_entropy`.
    alpha: the strength of the length penalty, an exponent.
    length_penalty_form: the form of the length penalty, see `BeamSearch`.
    """

    architecture: dict[str, Any]
    label_smoothing: float = 0.1
    smoothing_over: str = "all"
    alpha: float = 0.6
    length_penalty_form: str = "gnmt"

    def apply(
        self, config: configs.TransformerConfig
    ) -> configs.TransformerConfig:
        """Returns a config with the architecture of this convention.

        Args:
            config: the config whose other fields are kept, such as sizes.

        Example:

        >>> base = configs.PRESETS["base"]
        >>> CONVENTIONS["tensor2tensor"].apply(base).normalization
        'pre'
        """
        return dataclasses.replace(config, **self.architecture)


CONVENTIONS: dict[str, Convention] = {
    # Sections 3, 5.4 and 6.1 of the paper. Its formulas have biases only in the
    # feed-forward networks. The paper does not say which number the first
    # position has, what the epsilon of norms is, or how weights are
    # initialized. These three details are from the code of the authors. The
    # paper also does not say which start id its models use.
    "paper": Convention(
        architecture={
            "positions": "paper",
            "normalization": "post",
            "norm": "layer",
            "epsilon": 1e-6,
            "activation": "relu",
            "biases": "feed_forward",
            "embedding_scale": "sqrt_dim",
            "embedding_initializer": "normal",
            "attention_gain": 1.0,
            "start_id": 1,
            "num_key_value_heads": None,
        },
    ),
    # The current settings `transformer_base` of Tensor2Tensor, which are
    # pre-norm. The first id that the decoder reads is the padding id, whose
    # embedding is zero.
    "tensor2tensor": Convention(
        architecture={
            "positions": "tensor2tensor",
            "normalization": "pre",
            "norm": "layer",
            "epsilon": 1e-6,
            "activation": "relu",
            "biases": "feed_forward",
            "embedding_scale": "sqrt_dim",
            "embedding_initializer": "normal",
            "attention_gain": 1.0,
            "start_id": 0,
            "num_key_value_heads": None,
        },
        smoothing_over="others",
    ),
    # The initial weights of query, key and value are smaller than in the other
    # conventions, by the factor sqrt(1/2). fairseq applies Glorot's formula as
    # if the three matrices were one. The first id that the decoder reads is the
    # id of the end token.
    "fairseq": Convention(
        architecture={
            "positions": "fairseq",
            "normalization": "post",
            "norm": "layer",
            "epsilon": 1e-5,
            "activation": "relu",
            "biases": "blocks",
            "embedding_scale": "sqrt_dim",
            "embedding_initializer": "normal",
            "attention_gain": 0.5**0.5,
            "start_id": 2,
            "num_key_value_heads": None,
        },
        smoothing_over="others",
        alpha=1.0,
        length_penalty_form="average",
    ),
    # The convention of OpenNMT-tf. The epsilon of norms is the one that
    # CTranslate2 uses for models of OpenNMT-tf. Initial embeddings follow
    # Glorot's formula, the default of Keras's `add_weight`.
    "opennmt": Convention(
        architecture={
            "positions": "tensor2tensor_from_1",
            "normalization": "pre",
            "norm": "layer",
            "epsilon": 1e-5,
            "activation": "relu",
            "biases": "all",
            "embedding_scale": "sqrt_dim",
            "embedding_initializer": "glorot_uniform",
            "attention_gain": 1.0,
            "start_id": 1,
            "num_key_value_heads": None,
        },
        smoothing_over="others",
        alpha=0.0,
    ),
    # The convention of OPUS-MT models, in the way that the class MarianMTModel
    # of the library transformers runs them. Embeddings are initialized as in
    # the Marian toolkit. The first id that the decoder reads is the padding id,
    # whose embedding is zero.
    "marian": Convention(
        architecture={
            "positions": "half",
            "normalization": "post",
            "norm": "layer",
            "epsilon": 1e-5,
            "activation": "silu",
            "biases": "all",
            "embedding_scale": "sqrt_dim",
            "embedding_initializer": "uniform",
            "attention_gain": 1.0,
            "start_id": 0,
            "num_key_value_heads": None,
        },
        alpha=1.0,
        length_penalty_form="average",
    ),
}


def convention(name: str) -> Convention:
    """Returns the convention of a system.

    Args:
        name: a key of `CONVENTIONS`.

    Raises:
        ValueError: the name is unknown.

    Example:

    >>> convention("fairseq").architecture["positions"]
    'fairseq'
    """
    if name not in CONVENTIONS:
        raise ValueError(
            f"Unknown convention. Received: {name!r}. Expected one of "
            f"{', '.join(CONVENTIONS)}."
        )
    return CONVENTIONS[name]
