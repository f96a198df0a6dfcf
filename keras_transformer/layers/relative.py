"""Attention with learned vectors for the distance between query and key.

B batch   T query length   S key length   H heads   K head_dim
N key-value heads
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_transformer.layers import (
    checks,
    composite,
    dot_product,
    heads,
    implicit,
    positions,
    symbolic,
)
from keras_transformer.layers.typing import Shape, Tensor


@keras.saving.register_keras_serializable("keras_transformer")
class RelativePositions(composite.TracedLayer):
    """An attention layer that adds vectors of distances to keys and values.

    As in Shaw et al. 2018, d = j - i is the distance of key j from query i,
    clipped to [-`max_distance`, `max_distance`], and a^K_d and a^V_d are the
    learned vectors of d. The logit is q_i (k_j + a^K_d) / sqrt(K) (equation 4),
    and the output is the weighted sum of v_j + a^V_d (equation 3). All heads
    share the vectors. Sequences may have any length, since distances are
    clipped.

    Args:
        max_distance: the bound of the distances. Shaw et al. call it k, use 16
            in the base model, and find about the same quality from 2 to 64.

    Call arguments:
        query: shape `(B, T, H, K)`.
        key: shape `(B, S, N, K)`. The first column is at position 0.
        value: shape `(B, S, N, K)`.
        attention_mask: as `mask` of `dot_product_attention`.
        start: position of the first column of `query`, an int or a scalar
            tensor.

    Returns:
        The pair (output `(B, T, H, K)`, scores `(B, H, T, S)` in float32).

    Raises:
        ValueError: `max_distance` is below 1, K is not known, or the shapes or
            the mask do not fit, see `dot_product_attention`.

    Example:

    >>> heads = keras.ops.ones((2, 5, 3, 4))
    >>> output, scores = RelativePositions(max_distance=2)(heads, heads, heads)
    >>> output.shape, scores.shape
    (TensorShape([2, 5, 3, 4]), TensorShape([2, 3, 5, 5]))
    """

    def __init__(self, max_distance: int = 16, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True
        checks.check_size("max_distance", max_distance)
        self.max_distance = max_distance

    def build(
        self,
        query_shape: Shape,
        key_shape: Shape | None = None,
        value_shape: Shape | None = None,
    ) -> None:
        head_dim = checks.last_size(query_shape)
        shape = (2 * self.max_distance + 1, head_dim)
        self.keys, self.values = (
            self.add_weight(
                name=name, shape=shape, initializer="glorot_uniform"
            )
            for name in ("keys", "values")
        )
        self.built = True

    def call(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attention_mask: Tensor | None = None,
        start: Tensor = 0,
    ) -> tuple[Tensor, Tensor]:
        length, key_length = ops.shape(query)[1], ops.shape(key)[1]
        output_BHTK, scores_BHTS = self.attend_heads(
            heads.swap_heads(query),
            heads.swap_heads(key),
            heads.swap_heads(value),
            mask=implicit.both(key, attention_mask),
            query_positions=positions.count_positions(length, start)[0],
            key_positions=positions.count_positions(key_length)[0],
        )
        return heads.swap_heads(output_BHTK), scores_BHTS

    def compute_output_shape(
        self, query_shape: Shape, key_shape: Shape, value_shape: Shape
    ) -> tuple[Shape, Shape]:
        _check_values(query_shape, value_shape)
        batch_size, length, num_heads, _ = query_shape
        return (
            (*query_shape[:-1], value_shape[-1]),
            (batch_size, num_heads, length, key_shape[1]),
        )

    def apply_to_keys(
        self, key: Tensor, key_positions: Tensor | None = None
    ) -> Tensor:
        """Returns keys unchanged; `attend_heads` adds the distance vectors."""
        return key

    def attend_heads(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Tensor | None = None,
        attention_bias: Tensor | None = None,
        query_positions: Tensor | None = None,
        key_positions: Tensor | None = None,
        drop: Callable[[Tensor], Tensor] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Computes attention with the head axis before the length axis.

        Arguments and result are those of `dot_product.attend_heads`; positions
        are as for `MultiHeadAttention.attend`. Query, key and value must have
        one dtype, because Keras casts the arguments of `call`, but not those of
        this method. In a functional model, `drop` has no effect, and attention
        bias and positions must be `None`.
        """
        if symbolic.has_no_values(query, key, value, mask):
            symbolic.check_plain(
                attention_bias=attention_bias,
                query_positions=query_positions,
                key_positions=key_positions,
            )
            return self._call_on_heads(query, key, value, mask)
        _check_values(query.shape, value.shape)
        distance_TS = self._distances(
            query, key, query_positions, key_positions
        )
        bias_BHTS = self.logits_of_distances(
            query, key, query_positions, key_positions
        )
        values_TSK = self._vectors(self.values, distance_TS, query.dtype)
        if attention_bias is not None:
            # The sum is computed in float32, because the bias of a forbidden
            # key, -1e9, does not fit into float16.
            bias_BHTS = ops.cast(bias_BHTS, "float32") + attention_bias
        dropped = []

        def drop_once(weights_BHTS):
            # `dropped` keeps the scores after dropout. The vectors of distances
            # must be multiplied by the same scores as the values.
            dropped.append(weights_BHTS if drop is None else drop(weights_BHTS))
            return dropped[0]

        output, scores_BHTS = dot_product.attend_heads(
            query, key, value, mask, bias_BHTS, drop_once
        )
        output += ops.einsum("BHTS,TSK->BHTK", dropped[0], values_TSK)
        return output, scores_BHTS

    def logits_of_distances(
        self,
        query: Tensor,
        key: Tensor,
        query_positions: Tensor | None = None,
        key_positions: Tensor | None = None,
    ) -> Tensor:
        """Returns the term q_i a^K_d / sqrt(K) of the logits, `(B, H, T, S)`.

        The arguments are those of `attend_heads`.
        """
        distance_TS = self._distances(
            query, key, query_positions, key_positions
        )
        keys_TSK = self._vectors(self.keys, distance_TS, query.dtype)
        scaled = query * ops.cast(query.shape[-1] ** -0.5, query.dtype)
        return ops.einsum("BHTK,TSK->BHTS", scaled, keys_TSK)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "max_distance": self.max_distance}

    def _vectors(self, table, distance_TS, dtype):
        """Returns the vector of each distance, (T, S, K)."""
        return ops.take(
            ops.cast(table, dtype), distance_TS + self.max_distance, axis=0
        )

    def _distances(self, query, key, query_positions, key_positions):
        """Returns clipped distances of keys from queries, int32 (T, S)."""
        length, key_length = ops.shape(query)[2], ops.shape(key)[2]
        if query_positions is None:
            query_positions = ops.arange(length)
        if key_positions is None:
            key_positions = ops.arange(key_length)
        queries_T = ops.cast(query_positions, "int32")
        keys_S = ops.cast(key_positions, "int32")
        distance_TS = ops.clip(
            keys_S[None, :] - queries_T[:, None],
            -self.max_distance,
            self.max_distance,
        )
        # The shape of `distance_TS` is (1, S), not (T, S), if all queries share
        # one position.
        return ops.broadcast_to(distance_TS, (length, key_length))

    def _call_on_heads(self, query, key, value, mask):
        """Runs `attend_heads` by a call of the layer, for functional models.

        Keras tracks the weights of a layer only if the layer is called.
        """
        output_BHTK, scores_BHTS = self(
            heads.swap_heads(query),
            heads.swap_heads(key),
            heads.swap_heads(value),
            attention_mask=mask,
        )
        return heads.swap_heads(output_BHTK), scores_BHTS


def _check_values(query_shape, value_shape):
    if value_shape[-1] != query_shape[-1]:
        raise ValueError(
            "Vectors of distances are added to keys and to values. Received: "
            f"query {tuple(query_shape)}, value {tuple(value_shape)}. Expected "
            "the same last size."
        )
