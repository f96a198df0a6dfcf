"""What the well-known systems call a Transformer, each by its name.

The paper leaves things open, and its followers changed others. A model whose
weights come from one of them, or are to go there, must agree in all of them.
"""

import dataclasses

from keras_transformer.models import config as configs


@dataclasses.dataclass(frozen=True)
class Convention:
    """What one system does, where systems differ.

    architecture: fields of `TransformerConfig`. Ids are those of this
        package's vocabularies: 0 pads, 1 begins, 2 ends.
    label_smoothing: epsilon.
    smoothing_over: where epsilon goes, see `cross_entropy`.
    alpha: exponent of the length penalty.
    length_penalty_form: its form, see `BeamSearch`.
    """

    architecture: dict
    label_smoothing: float = 0.1
    smoothing_over: str = "all"
    alpha: float = 0.6
    length_penalty_form: str = "gnmt"

    def apply(
        self, config: configs.TransformerConfig
    ) -> configs.TransformerConfig:
        """Returns the config with this architecture and its own sizes.

        Example:

        >>> base = configs.PRESETS["base"]
        >>> CONVENTIONS["tensor2tensor"].apply(base).normalization
        'pre'
        """
        return dataclasses.replace(config, **self.architecture)


CONVENTIONS = {
    # Sections 3, 5.4 and 6.1. That the first position is 0, that biases are
    # in the feed-forward network alone and the epsilon of the norm are not in
    # the text but in the code that its authors published.
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
    # transformer_base as it is now: pre-norm. The decoder starts from a zero
    # vector, the embedding of the padding id.
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
    # Its attention starts smaller, as if query, key and value were one
    # matrix; the decoder starts from the end token.
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
    # OpenNMT-tf, with the epsilon that CTranslate2 runs its models with.
    # Embeddings start with Keras's default, which the positions outweigh.
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
    # OPUS-MT as transformers' MarianMTModel runs it; embeddings start as in
    # the Marian toolkit. The decoder starts from a zero vector.
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
    """Looks a convention up.

    Args:
        name: a key of `CONVENTIONS`.

    Raises:
        ValueError: there is none of this name.

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
