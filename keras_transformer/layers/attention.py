"""Attention: what a position reads from others (section 3.2 of the paper).

B batch   T query length   S key length   D model_dim   H heads   K head_dim
"""

import keras
from keras import ops

from keras_transformer.layers import masks

# Added to the logits of forbidden keys. Finite, so that a row in which
# everything is forbidden stays free of NaN, in the gradient too.
_FORBIDDEN = -1e9


def dot_product_attention(query, key, value, mask=None):
    """Scaled dot-product attention, equation 1: softmax(Q K^T / sqrt(d_k)) V.

    The softmax is computed in float32 whatever the inputs are. A query that
    may attend to nothing gets scores and an output of exactly zero.

    Args:
        query: shape `(B, T, H, K)`.
        key: shape `(B, S, H, K)`.
        value: shape `(B, S, H, K)`.
        mask: boolean, shape `(B, S)`, `(B, T, S)` or `(B, H, T, S)`, True
            where a query may attend.

    Returns:
        The pair (output `(B, T, H, K)` in the dtype of `value`, attention
        scores `(B, H, T, S)` in float32).

    Raises:
        ValueError: the mask is not boolean or has another rank.

    Example:

    >>> query = keras.ops.ones((2, 3, 5, 7))
    >>> key = value = keras.ops.ones((2, 11, 5, 7))
    >>> output, scores = dot_product_attention(query, key, value)
    >>> output.shape, scores.shape
    (TensorShape([2, 3, 5, 7]), TensorShape([2, 5, 3, 11]))
    """
    head_dim = query.shape[-1]
    query = query * ops.cast(head_dim**-0.5, query.dtype)
    logits_BHTS = ops.cast(ops.einsum("BTHK,BSHK->BHTS", query, key), "float32")
    mask = masks.combine_masks(mask)
    if mask is None:
        scores_BHTS = ops.softmax(logits_BHTS)
    else:
        logits_BHTS = ops.where(mask, logits_BHTS, _FORBIDDEN)
        # A row with nothing allowed comes out of the softmax uniform; the
        # product makes it zero and leaves all other rows as they are.
        scores_BHTS = ops.softmax(logits_BHTS) * ops.cast(mask, "float32")
    output_BTHK = ops.einsum(
        "BHTS,BSHK->BTHK", ops.cast(scores_BHTS, value.dtype), value
    )
    return output_BTHK, scores_BHTS


@keras.saving.register_keras_serializable("keras_transformer")
class MultiHeadAttention(keras.layers.Layer):
    """Multi-head attention, section 3.2.2: h heads of size d_model / h.

    Our `model_dim` is the paper's d_model, `num_heads` its h, `head_dim` its
    d_k = d_v. The projections W^Q, W^K, W^V and W^O have no bias, as in the
    paper's equations.

    Args:
        model_dim: D, size of the inputs and of the output.
        num_heads: H, must divide `model_dim`.

    Call arguments:
        inputs: the positions that ask, shape `(B, T, D)`.
        memory: the positions that are read, shape `(B, S, D)`; `None` means
            self-attention, that is `inputs`.
        attention_mask: boolean, shape `(B, S)`, `(B, T, S)` or
            `(B, H, T, S)`, True where a query may attend.
        return_attention_scores: whether to return the scores too.

    Returns:
        Shape `(B, T, D)`; with `return_attention_scores=True` the pair of it
        and the scores, `(B, H, T, S)` in float32.

    Raises:
        ValueError: `num_heads` does not divide `model_dim`.

    Example:

    >>> attention = MultiHeadAttention(model_dim=12, num_heads=3)
    >>> attention(keras.ops.ones((2, 5, 12))).shape
    TensorShape([2, 5, 12])
    """

    def __init__(self, model_dim, num_heads, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        if num_heads < 1 or model_dim % num_heads:
            raise ValueError(
                "`model_dim` must be a multiple of `num_heads`. Received: "
                f"model_dim={model_dim}, num_heads={num_heads}. Choose "
                "another number of heads or another model size."
            )
        self.model_dim = model_dim
        self.num_heads = num_heads
        self.head_dim = model_dim // num_heads
        # Heads are a reshape of one (D, D) matrix each: on a (D, H, K)
        # weight Keras would take H for the fan-in of Glorot's formula.
        names = ("query", "key", "value", "output")
        self._kernels = {name: None for name in names}

    def build(self, inputs_shape=None, memory_shape=None):
        for name in self._kernels:
            self._kernels[name] = self.add_weight(
                name=f"{name}_kernel",
                shape=(self.model_dim, self.model_dim),
                initializer="glorot_uniform",
            )
        self.built = True

    def call(
        self,
        inputs,
        memory=None,
        attention_mask=None,
        return_attention_scores=False,
    ):
        memory = inputs if memory is None else memory
        key, value = self.project_memory(memory)
        output, scores = self.attend(inputs, key, value, attention_mask)
        return (output, scores) if return_attention_scores else output

    def project_memory(self, memory):
        """Makes the keys and values of `memory` (B, S, D): two (B, S, H, K).

        Decoding keeps them, so that each is computed once.
        """
        key = ops.einsum("BSD,DHK->BSHK", memory, self._kernel("key"))
        value = ops.einsum("BSD,DHK->BSHK", memory, self._kernel("value"))
        return key, value

    def attend(self, inputs, key, value, attention_mask=None):
        """Lets `inputs` (B, T, D) attend to projected keys and values.

        Returns:
            The pair (output `(B, T, D)`, scores `(B, H, T, S)`).
        """
        query = ops.einsum("BTD,DHK->BTHK", inputs, self._kernel("query"))
        heads, scores = dot_product_attention(query, key, value, attention_mask)
        output = ops.einsum("BTHK,HKD->BTD", heads, self._kernel("output"))
        return output, scores

    def get_config(self):
        return {
            **super().get_config(),
            "model_dim": self.model_dim,
            "num_heads": self.num_heads,
        }

    def _kernel(self, name):
        # Cast here, since stepping does not pass through `__call__`, where
        # Keras would do it.
        kernel = ops.cast(self._kernels[name], self.compute_dtype)
        heads = (self.num_heads, self.head_dim)
        if name == "output":
            return ops.reshape(kernel, (*heads, self.model_dim))
        return ops.reshape(kernel, (self.model_dim, *heads))
