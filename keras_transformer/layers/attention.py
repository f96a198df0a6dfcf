"""Multi-head attention (section 3.2.2 of the paper).

B batch   T query length   S key length   D model_dim   H heads   K head_dim
N key-value heads   W hypotheses of a row
"""

from collections.abc import Callable
from typing import Any

import keras

from keras_transformer.layers import (
    checks,
    composite,
    dense,
    dot_product,
    grouped,
    head_projections,
    heads,
    implicit,
    symbolic,
    templates,
)
from keras_transformer.layers.dropout import Dropout
from keras_transformer.layers.typing import Shape, Tensor


@keras.saving.register_keras_serializable("keras_transformer")
class MultiHeadAttention(composite.Composite):
    """Multi-head attention, section 3.2.2: h heads of size d_model / h.

    Our `model_dim` is the paper's d_model, `num_heads` its h, `head_dim` its
    d_k = d_v. By default, W^Q, W^K, W^V and W^O have no bias, as in the paper.

    Args:
        model_dim: D, the size of the inputs and of the output.
        num_heads: H, must divide `model_dim`.
        num_key_value_heads: N, must divide H; `None` means H. A smaller N is
            grouped-query attention, and N = 1 is multi-query attention.
        use_bias: whether the four projections add a bias.
        positions: a template: `RotaryPositions` or `RelativePositions`. With
            `None` the order of the keys makes no difference.
        gain: a factor for the standard deviation of the initial kernels of
            query, key and value (Glorot and Bengio 2010).
        dropout: the dropout rate of the attention weights in training.

    Call arguments:
        inputs: the vectors that attend, shape `(B, T, D)`.
        memory: the vectors that are attended to, shape `(B, S, D)`; `None`
            means `inputs`, which is self-attention.
        attention_mask: boolean `(B, S)`, `(B, T, S)` or `(B, H, T, S)`, True
            where a query may attend; B, H, T may be 1. `None` for no mask. A
            mask that Keras attached to the keys is used too.
        return_attention_scores: whether to return the scores too.
        method: only for internal use. In a functional model, `project_memory`
            and `attend` call the layer and give their names here, because Keras
            tracks the weights of a layer only if the layer is called. With
            `"attend"`, `memory` is the pair (key, value).
        training: whether to apply dropout; with `None`, Keras decides.

    Returns:
        Output, shape `(B, T, D)`; with `return_attention_scores=True` the
        pair of the output and the scores, `(B, H, T, S)` in float32.

    Raises:
        ValueError: a size is not a positive int, H does not divide D, N does
            not divide H, the gain or the dropout is out of range, `positions`
            is another kind of layer, the inputs have another size, or the mask
            is not boolean or does not fit.

    Example:

    >>> attention = MultiHeadAttention(model_dim=12, num_heads=3)
    >>> attention(keras.ops.ones((2, 5, 12))).shape
    TensorShape([2, 5, 12])
    """

    def __init__(
        self,
        model_dim: int,
        num_heads: int,
        num_key_value_heads: int | None = None,
        use_bias: bool = False,
        positions: templates.Template | None = None,
        gain: float = 1.0,
        dropout: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.supports_masking = True
        checks.check_size("model_dim", model_dim)
        checks.check_size("num_heads", num_heads)
        heads.check_heads(model_dim, num_heads)
        if num_key_value_heads is not None:
            grouped.check_groups(num_heads, num_key_value_heads)
        checks.check_positive("gain", gain)
        checks.check_share("dropout", dropout)
        self._settings: dict[str, Any] = {
            "model_dim": model_dim,
            "num_heads": num_heads,
            "num_key_value_heads": num_key_value_heads,
            "use_bias": use_bias,
            "positions": templates.template_of(positions),
            "gain": gain,
            "dropout": dropout,
        }
        self.model_dim = model_dim
        self.head_dim = model_dim // num_heads
        self.num_heads = num_heads
        self.num_key_value_heads = num_key_value_heads or num_heads
        # A kernel has two axes, such as (D, H K). For a kernel (D, H, K), Keras
        # would use fan-in D H and fan-out D K, which are wrong.
        self.query = self._projection("query", num_heads)
        self.key = self._projection("key", self.num_key_value_heads)
        self.value = self._projection("value", self.num_key_value_heads)
        self.out = self._projection("output", num_heads)
        self.drop = Dropout(
            dropout,
            dtype=self.dtype_policy,
            trainable=self.trainable,
            name="drop",
        )
        self.positions = None
        if positions is not None:
            self.positions = templates.copy_into(self, positions, "positions")
            templates.check_kind(
                self.positions,
                "positions of an attention",
                "RotaryPositions or RelativePositions",
                ("apply_to_keys", "attend_heads"),
            )

    def build(
        self,
        inputs_shape: Shape | None = None,
        memory_shape: Shape | None = None,
    ) -> None:
        for projection in (self.query, self.key, self.value, self.out):
            gain = 1.0 if projection is self.out else self._settings["gain"]
            # A shared initializer would give equal numbers to the projections.
            projection.kernel_initializer = keras.initializers.VarianceScaling(
                gain**2, "fan_avg", "uniform"
            )
            projection.build((None, None, self.model_dim))
        if self.positions is not None:
            self.positions.build((None, None, None, self.head_dim))
        self.built = True

    def call(
        self,
        inputs: Tensor,
        memory: Tensor | None = None,
        attention_mask: Tensor | None = None,
        return_attention_scores: bool = False,
        method: str | None = None,
        training: bool | None = None,
    ) -> Tensor | tuple[Tensor, Tensor]:
        if method == "project_memory":
            return self.project_memory(inputs)
        memory = inputs if memory is None else memory
        if method == "attend":
            key, value = memory
            return self.attend(
                inputs, key, value, attention_mask, training=training
            )
        attention_mask = implicit.both(memory, attention_mask)
        key, value = self.project_memory(memory)
        output, scores = self.attend(
            inputs, key, value, attention_mask, training=training
        )
        return (output, scores) if return_attention_scores else output

    def compute_output_shape(
        self,
        inputs_shape: Shape,
        memory_shape: Shape | None = None,
        return_attention_scores: bool = False,
    ) -> Shape | tuple[Shape, Shape]:
        shape = (*inputs_shape[:-1], self.model_dim)
        if not return_attention_scores:
            return shape
        length, key_length = inputs_shape[1], (memory_shape or inputs_shape)[1]
        return shape, (inputs_shape[0], self.num_heads, length, key_length)

    def project_memory(
        self, memory: Tensor, key_positions: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Projects memory to keys and values; decoding caches the results.

        Args:
            memory: shape `(B, S, D)`.
            key_positions: the positions of the keys, `(S,)`; `(1,)` if all
                share one position; `None` means 0, 1, 2, ... It must be `None`
                in a functional model.

        Returns:
            The pair (key, value), each `(B, N, S, K)`.
        """
        if symbolic.has_no_values(memory):
            symbolic.check_plain(key_positions=key_positions)
            return self(memory, method="project_memory")
        if not self.built:
            self.build()
        key = self._to_heads(self.key, memory)
        if self.positions is not None:
            key = self.positions.apply_to_keys(key, key_positions)
        return key, self._to_heads(self.value, memory)

    def attend(
        self,
        inputs: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Tensor | None = None,
        attention_bias: Tensor | None = None,
        query_positions: Tensor | None = None,
        key_positions: Tensor | None = None,
        training: bool | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Lets `inputs` (B, T, D) attend to projected keys and values.

        Args:
            inputs: shape `(B, T, D)`.
            key: shape `(B, N, S, K)`, as `project_memory` returns it.
            value: shape `(B, N, S, K)`.
            mask: the same as `attention_mask` of `call`.
            attention_bias: numbers that are added to the logits; they broadcast
                to `(B, H, T, S)`. In a functional model, it must be `None`.
            query_positions: the positions of the inputs, `(T,)`; `(1,)` if all
                share one position; `None` means 0, 1, 2, ...
            key_positions: the positions of the keys, `(S,)`; `None` means 0,
                1, 2, ... Both arguments must be `None` in a functional model.
            training: whether to apply dropout.

        Returns:
            The pair (output `(B, T, D)`, scores `(B, H, T, S)`).
        """
        if symbolic.has_no_values(inputs, key, value, mask):
            symbolic.check_plain(
                attention_bias=attention_bias,
                query_positions=query_positions,
                key_positions=key_positions,
            )
            return self(
                inputs,
                memory=(key, value),
                attention_mask=mask,
                method="attend",
                training=training,
            )
        if not self.built:
            self.build()
        query = self._to_heads(self.query, inputs)
        return self._attend_heads(
            query,
            key,
            value,
            mask,
            attention_bias,
            positions=(query_positions, key_positions),
            training=training,
        )

    def stepper(self) -> Callable[..., tuple[Tensor, Tensor]]:
        """Makes a function that runs self-attention at one step of decoding.

        The matrices of query, key and value are put side by side once, if none
        is quantized. Each step then needs one product instead of three.

        Returns:
            A function that returns what `attend` returns. Its arguments are
            `inputs` `(B, W, D)`, the vectors of W hypotheses at one position;
            `append_to_past`; and `attention_bias`, `query_positions` and
            `key_positions` as for `attend`. `append_to_past` receives the new
            keys and the new values, each `(B, N, W, K)`. It returns all keys
            and all values to attend to, each `(B, N, S, K)`.
        """
        if not self.built:
            self.build()
        project = head_projections.side_by_side(
            (self.query, self.key, self.value), self.head_dim
        )

        def step(inputs, append_to_past, attention_bias, *positions):
            query_positions, _ = positions
            checks.check_vectors("inputs", inputs.shape, self.model_dim)
            query, key, value = project(inputs)
            if self.positions is not None:
                key = self.positions.apply_to_keys(key, query_positions)
            key, value = append_to_past(key, value)
            return self._attend_heads(
                query, key, value, None, attention_bias, positions=positions
            )

        return step

    def between_sequences(self) -> "MultiHeadAttention":
        """Returns a template for encoder-decoder attention (section 3.2.3).

        The distance between a target position and a source position has no
        meaning, so the returned layer has no `positions`. All other settings
        are the same.

        Returns:
            A `MultiHeadAttention`; this layer itself if it has no positions.

        Example:

        >>> from keras_transformer import layers
        >>> rotary = MultiHeadAttention(
        ...     model_dim=12, num_heads=3, positions=layers.RotaryPositions()
        ... )
        >>> rotary.between_sequences().positions is None
        True
        """
        if self.positions is None:
            return self
        return templates.copy_of(self, positions=None)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **templates.plain_copy(self._settings)}

    def _projection(self, name, num_heads):
        is_output = name == "output"
        units = self.model_dim if is_output else num_heads * self.head_dim
        return dense.Projection(
            self,
            units,
            use_bias=self._settings["use_bias"],
            # `build` sets the real initializer. Zeros need no random seed.
            kernel_initializer="zeros",
            name=name,
            dtype=self.dtype_policy,
            trainable=self.trainable,
        )

    def _to_heads(self, projection, inputs):
        checks.check_vectors("inputs", inputs.shape, self.model_dim)
        return head_projections.to_heads(projection, inputs, self.head_dim)

    def _attend_heads(self, *heads_and_mask, positions, training=False):
        """Attends with projected queries (B, H, T, K); see `attend`."""
        attend, options = dot_product.attend_heads, {}
        if self.positions is not None:
            attend = self.positions.attend_heads
            heads_and_mask += positions
        if training and self.drop.rate:
            options["drop"] = lambda weights: self.drop(weights, training=True)
        attended, scores = attend(*heads_and_mask, **options)
        return head_projections.from_heads(self.out, attended), scores
