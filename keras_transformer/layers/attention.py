"""Attention: what a position reads from others (section 3.2 of the paper).

B batch   T query length   S key length   D model_dim   H heads   K head_dim
N key-value heads   W hypotheses of a row
"""

import keras
from keras import ops

from keras_transformer.layers import (
    checks,
    composite,
    dense,
    dot_product,
    heads,
    implicit,
    symbolic,
    templates,
)


@keras.saving.register_keras_serializable("keras_transformer")
class MultiHeadAttention(composite.Composite):
    """Multi-head attention, section 3.2.2: h heads of size d_model / h.

    Our `model_dim` is the paper's d_model, `num_heads` its h, `head_dim` its
    d_k = d_v. The projections W^Q, W^K, W^V and W^O have no bias unless asked
    for, as in the paper's equations.

    Args:
        model_dim: D, size of the inputs and of the output.
        num_heads: H, must divide `model_dim`.
        num_key_value_heads: N, must divide H; `None` means H. Fewer are
            grouped-query attention, one is multi-query attention.
        use_bias: whether the four projections add a bias.
        positions: `RotaryPositions` or `RelativePositions`, copied; `None`
            for attention that does not know the order.
        gain: multiplies the standard deviation with which the kernels of
            query, key and value start (Glorot and Bengio 2010).

    Call arguments:
        inputs: the positions that ask, shape `(B, T, D)`.
        memory: the positions that are read, shape `(B, S, D)`; `None` means
            self-attention, that is `inputs`.
        attention_mask: boolean, shape `(B, S)`, `(B, T, S)` or
            `(B, H, T, S)`, True where a query may attend; H may be 1.
        return_attention_scores: whether to return the scores too.
        method: `"project_memory"` or `"attend"`, which call this where a
            functional model is made: Keras sees the weights of calls alone.

    Returns:
        Shape `(B, T, D)`; with `return_attention_scores=True` the pair of it
        and the scores, `(B, H, T, S)` in float32.

    Raises:
        ValueError: sizes that are no positive ints or do not divide each
            other; a gain that is not positive; inputs of another size; a
            mask that is not boolean or does not fit.

    Example:

    >>> attention = MultiHeadAttention(model_dim=12, num_heads=3)
    >>> attention(keras.ops.ones((2, 5, 12))).shape
    TensorShape([2, 5, 12])
    """

    def __init__(
        self,
        model_dim,
        num_heads,
        num_key_value_heads=None,
        use_bias=False,
        positions=None,
        gain=1.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.supports_masking = True
        checks.check_size("model_dim", model_dim)
        checks.check_size("num_heads", num_heads)
        if model_dim % num_heads:
            raise ValueError(
                "`model_dim` must be a multiple of `num_heads`. Received: "
                f"model_dim={model_dim}, num_heads={num_heads}. Choose "
                "another number of heads or another model size."
            )
        if num_key_value_heads is not None:
            dot_product.check_groups(num_heads, num_key_value_heads)
        checks.check_positive("gain", gain)
        self._settings = {
            "model_dim": model_dim,
            "num_heads": num_heads,
            "num_key_value_heads": num_key_value_heads,
            "use_bias": use_bias,
            "positions": templates.template_of(positions),
            "gain": gain,
        }
        self.model_dim = model_dim
        self.head_dim = model_dim // num_heads
        # Heads are a reshape of one matrix: on a (D, H, K) weight Keras would
        # take H for the fan-in of Glorot's formula.
        self.num_heads = num_heads
        self.num_key_value_heads = num_key_value_heads or num_heads
        self.query = self._projection("query", num_heads)
        self.key = self._projection("key", self.num_key_value_heads)
        self.value = self._projection("value", self.num_key_value_heads)
        self.out = self._projection("output", num_heads)
        self.positions = None
        if positions is not None:
            self.positions = templates.copy_into(self, positions, "positions")
            templates.check_kind(
                self.positions,
                "positions of an attention",
                "RotaryPositions or RelativePositions",
                ("apply_to_keys", "attend_heads"),
            )

    def build(self, inputs_shape=None, memory_shape=None):
        for projection in self._all_projections():
            gain = 1.0 if projection is self.out else self._settings["gain"]
            # Made here, so that it draws its seed when the weight is made.
            projection.kernel_initializer = keras.initializers.VarianceScaling(
                gain**2, "fan_avg", "uniform"
            )
            projection.build((None, None, self.model_dim))
        if self.positions is not None:
            self.positions.build((None, None, None, self.head_dim))
        self.built = True

    def call(
        self,
        inputs,
        memory=None,
        attention_mask=None,
        return_attention_scores=False,
        method=None,
    ):
        if method == "project_memory":
            return self.project_memory(inputs)
        if method == "attend":
            return self.attend(inputs, *memory, attention_mask)
        memory = inputs if memory is None else memory
        attention_mask = implicit.both(memory, attention_mask)
        key, value = self.project_memory(memory)
        output, scores = self.attend(inputs, key, value, attention_mask)
        return (output, scores) if return_attention_scores else output

    def compute_output_shape(
        self, inputs_shape, memory_shape=None, return_attention_scores=False
    ):
        shape = (*inputs_shape[:-1], self.model_dim)
        if not return_attention_scores:
            return shape
        length, key_length = inputs_shape[1], (memory_shape or inputs_shape)[1]
        return shape, (inputs_shape[0], self.num_heads, length, key_length)

    def project_memory(self, memory, key_positions=None):
        """Makes the keys and values of `memory` (B, S, D): two (B, N, S, K).

        Decoding keeps them, so that each is computed once.

        Args:
            memory: shape `(B, S, D)`.
            key_positions: those of its columns, `(S,)` or `(1,)` if they
                share one; counted from 0 if `None`.
        """
        if symbolic.has_no_values(memory):
            symbolic.check_plain(key_positions=key_positions)
            return self(memory, method="project_memory")
        if not self.built:
            self.build()
        key = self._project(self.key, memory)
        if self.positions is not None:
            key = self.positions.apply_to_keys(key, key_positions)
        return key, self._project(self.value, memory)

    def attend(
        self,
        inputs,
        key,
        value,
        mask=None,
        attention_bias=None,
        query_positions=None,
        key_positions=None,
    ):
        """Lets `inputs` (B, T, D) attend to projected keys and values.

        Args:
            inputs: shape `(B, T, D)`.
            key: shape `(B, N, S, K)`.
            value: shape `(B, N, S, K)`.
            mask: as `attention_mask` for `call`.
            attention_bias: what is added to the logits, broadcasts to
                `(B, H, T, S)`.
            query_positions: those of the inputs, `(T,)`, or `(1,)` if they
                share one; counted from 0 if `None`.
            key_positions: those of the keys, `(S,)`; counted from 0 if
                `None`.

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
            )
        if not self.built:
            self.build()
        query = self._project(self.query, inputs)
        return self._attend(
            query,
            key,
            value,
            mask,
            attention_bias,
            query_positions,
            key_positions,
        )

    def stepper(self):
        """Makes a function for many steps of self-attention.

        Queries, keys and values are one product with three matrices side by
        side, put there once, when the function is made.

        Returns:
            A function of `inputs` `(B, W, D)`, W hypotheses at one position,
            `append_to_past`, `attention_bias`, `query_positions` and
            `key_positions`; the last three are as for `attend`.
            `append_to_past` is given the keys and the values of the inputs,
            each `(B, N, W, K)`, and returns all keys and all values to attend
            to. The function returns what `attend` returns.
        """
        if not self.built:
            self.build()
        project = self._projector()

        def step(
            inputs,
            append_to_past,
            attention_bias,
            query_positions,
            key_positions,
        ):
            checks.check_vectors("inputs", inputs.shape, self.model_dim)
            query, key, value = project(inputs)
            if self.positions is not None:
                key = self.positions.apply_to_keys(key, query_positions)
            key, value = append_to_past(key, value)
            return self._attend(
                query,
                key,
                value,
                None,
                attention_bias,
                query_positions,
                key_positions,
            )

        return step

    def between_sequences(self):
        """The part for attention from one sequence to another.

        Positions tell places in one sequence apart. Of a place in the target
        and one in the source (section 3.2.3) they say nothing, so that part
        has none; all else is as it is here.

        Returns:
            A `MultiHeadAttention`, this one if it has no positions.

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

    def get_config(self):
        return {**super().get_config(), **templates.plain_copy(self._settings)}

    def _projection(self, name, num_heads):
        # The output has the same size: its heads are what it reads.
        is_output = name == "output"
        units = self.model_dim if is_output else num_heads * self.head_dim
        return dense.Projection(
            self,
            units,
            use_bias=self._settings["use_bias"],
            # That of `build`; this one draws no seed.
            kernel_initializer="zeros",
            name=name,
            dtype=self.dtype_policy,
            trainable=self.trainable,
        )

    def _all_projections(self):
        return self.query, self.key, self.value, self.out

    def _project(self, projection, inputs):
        """What a projection makes of (B, T, D), by heads (B, H, T, K)."""
        checks.check_vectors("inputs", inputs.shape, self.model_dim)
        if projection.quantization_mode is not None:
            return heads.split_heads(projection(inputs), self.head_dim)
        return _project(inputs, *self._heads_of(projection))

    def _projector(self):
        """Makes what projects (B, W, D) to queries, keys and values."""
        projections = (self.query, self.key, self.value)
        if any(one.quantization_mode is not None for one in projections):
            return lambda inputs: [
                self._project(projection, inputs) for projection in projections
            ]
        kernels, biases = zip(*map(self._heads_of, projections), strict=True)
        kernel = ops.concatenate(kernels, axis=1)
        bias = None
        if self._settings["use_bias"]:
            bias = ops.concatenate(biases, axis=0)
        ends = [self.num_heads, self.num_heads + self.num_key_value_heads]

        def project(inputs):
            projected = _project(inputs, kernel, bias)
            return [
                projected[:, start:end]
                for start, end in zip([0, *ends], [*ends, None], strict=True)
            ]

        return project

    def _heads_of(self, projection):
        """A projection by heads: kernel (D, H, K), bias (H, 1, K) or None."""
        shape = (self.model_dim, -1, self.head_dim)
        kernel, bias = self._cast(projection.kernel), projection.bias
        if bias is not None:
            bias = ops.reshape(self._cast(bias), (-1, 1, self.head_dim))
        return ops.reshape(kernel, shape), bias

    def _attend(
        self,
        query,
        key,
        value,
        mask,
        attention_bias,
        query_positions,
        key_positions,
    ):
        """What `attend` does from the query's heads (B, H, T, K) on."""
        if self.positions is None:
            attended, scores = dot_product.attend_heads(
                query, key, value, mask, attention_bias
            )
        else:
            attended, scores = self.positions.attend_heads(
                query,
                key,
                value,
                mask,
                attention_bias,
                query_positions,
                key_positions,
            )
        if self.out.quantization_mode is not None:
            return self.out(heads.join_heads(attended)), scores
        kernel_HKD = ops.reshape(
            self._cast(self.out.kernel),
            (self.num_heads, self.head_dim, self.model_dim),
        )
        output = ops.einsum("BHTK,HKD->BTD", attended, kernel_HKD)
        if self.out.bias is not None:
            output += self._cast(self.out.bias)
        return output, scores

    def _cast(self, weight):
        # Cast here, since stepping does not pass through `__call__`, where
        # Keras would do it.
        return ops.cast(weight, self.compute_dtype)


def _project(inputs, kernel_DHK, bias_H1K):
    heads_BHTK = ops.einsum("BTD,DHK->BHTK", inputs, kernel_DHK)
    return heads_BHTK if bias_H1K is None else heads_BHTK + bias_H1K
