"""The architecture of a Transformer as a frozen dataclass, and presets."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class TransformerConfig:
    """The sizes of a Transformer, and the names of its kinds of layers.

    The defaults are the base model of the paper (table 3). These fields have
    other names in the paper: `model_dim` is d_model, `feed_forward_dim` is
    d_ff, `num_heads` is h, `dropout` is P_drop, and `num_encoder_layers` and
    `num_decoder_layers` are N. `build_transformer` makes the model, and its
    documentation explains the values of the string fields.

    Four fields are dropout rates. A rate is the probability that training sets
    a value to zero. Each field is the rate of one kind of value:

    - `dropout`: a unit of the output of a sublayer, or of the sum of embeddings
      and positions.
    - `attention_dropout`: an attention score.
    - `activation_dropout`: a unit between the projections of a feed-forward
      network.
    - `word_dropout`: the whole embedding of a source or target token (Sennrich
      and Zhang 2019).

    Example:

    >>> dataclasses.replace(PRESETS["base"], vocabulary_size=8000).model_dim
    512
    """

    vocabulary_size: int = 37000
    num_encoder_layers: int = 6
    num_decoder_layers: int = 6
    model_dim: int = 512
    num_heads: int = 8
    feed_forward_dim: int = 2048
    dropout: float = 0.1
    attention_dropout: float = 0.0
    activation_dropout: float = 0.0
    word_dropout: float = 0.0
    normalization: str = "post"
    positions: str = "paper"
    # None means `vocabulary_size`, for example if source and target share one
    # vocabulary.
    target_vocabulary_size: int | None = None
    # None means `num_heads`.
    num_key_value_heads: int | None = None
    norm: str = "layer"
    epsilon: float = 1e-6
    activation: str = "relu"
    biases: str = "feed_forward"
    tying: str = "all"
    embedding_scale: str = "sqrt_dim"
    embedding_initializer: str = "normal"
    attention_gain: float = 1.0
    pad_id: int = 0
    start_id: int = 1
    # The number of learned positions. Other kinds of positions do not use it.
    max_positions: int = 1024


PRESETS: dict[str, TransformerConfig] = {
    # For the built-in corpus. This model trains in minutes on two CPU cores.
    "demo": TransformerConfig(
        vocabulary_size=1500,
        num_encoder_layers=2,
        num_decoder_layers=2,
        model_dim=128,
        num_heads=4,
        feed_forward_dim=512,
        normalization="pre",
    ),
    # For corpora of about thirty thousand sentence pairs, such as Multi30k.
    "tiny": TransformerConfig(
        vocabulary_size=8000,
        num_encoder_layers=4,
        num_decoder_layers=4,
        model_dim=128,
        num_heads=4,
        feed_forward_dim=256,
        dropout=0.3,
        normalization="pre",
    ),
    "small": TransformerConfig(
        vocabulary_size=8000,
        num_encoder_layers=3,
        num_decoder_layers=3,
        model_dim=256,
        num_heads=8,
        feed_forward_dim=1024,
        normalization="pre",
    ),
    # "small" with the layer variants of recent language models. A gated network
    # has three matrices, and a feed-forward network of "small" has two. So 688
    # units, instead of 1024, give about as many weights as in "small".
    "modern": TransformerConfig(
        vocabulary_size=8000,
        num_encoder_layers=3,
        num_decoder_layers=3,
        model_dim=256,
        num_heads=8,
        num_key_value_heads=2,
        feed_forward_dim=688,
        normalization="pre",
        positions="rotary",
        norm="rms",
        activation="swiglu",
        biases="none",
    ),
    # Table 3, row "base": N=6, d_model=512, d_ff=2048, h=8, P_drop=0.1.
    "base": TransformerConfig(),
    # Table 3, row "big": N=6, d_model=1024, d_ff=4096, h=16, P_drop=0.3.
    "big": TransformerConfig(
        model_dim=1024, num_heads=16, feed_forward_dim=4096, dropout=0.3
    ),
}
