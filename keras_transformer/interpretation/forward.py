"""Runs a Transformer once, and keeps its intermediate results.

The layers of the model are called one by one, and each result gets a name.
`docs/interpretation.md` lists the names.

B batch   T target or query length   S source or key length   D model_dim
H heads   K head_dim   V vocabulary_size
"""

from keras import ops

from keras_transformer import layers
from keras_transformer.layers import (
    dot_product,
    grouped,
    head_projections,
    masks,
    relative,
    rotary,
)
from keras_transformer.layers.typing import Tensor
from keras_transformer.models import transformer


def forward(
    model: transformer.Transformer,
    source_ids: Tensor,
    target_input_ids: Tensor,
    source_embeddings: Tensor | None = None,
) -> dict[str, Tensor]:
    """Runs a model, and returns its intermediate results and its logits.

    Args:
        model: a `Transformer` whose layers compute in float32.
        source_ids: integers `(B, S)`, without padding.
        target_input_ids: integers `(B, T)`, as `shift_right` makes them,
            without padding.
        source_embeddings: scaled embeddings `(B, S, D)`, without positions;
            `None` to compute the embeddings of `source_ids`.

    Returns:
        The results by their names, in the order in which a Transformer
        computes them. The first axis of each result is the batch; it has size 1
        for positions, which are the same in all rows. The last result is
        `"logits"`, `(B, T, V)`.

    Example:

    >>> from keras_transformer import models
    >>> config = models.TransformerConfig(11, 1, 1, 4, 2, 8)
    >>> model = models.build_transformer(config)
    >>> values = forward(model, ops.array([[5, 6, 2]]), ops.array([[1, 7]]))
    >>> values["decoder/block_1/cross_attention/weights"].shape
    TensorShape([1, 2, 2, 3])
    """
    run = _Pass()
    if source_embeddings is None:
        source_embeddings = model.source_embedding(source_ids)
    x = run.enter(model.encoder, "source", source_embeddings)
    for number, block in enumerate(model.encoder.blocks, 1):
        x = run.encoder_block(block, f"encoder/block_{number}", x)
    memory = run.note("encoder/outputs", model.encoder.final_norm(x))

    embeddings = model.target_embedding(target_input_ids)
    x = run.enter(model.decoder, "target", embeddings)
    causal = masks.causal_mask(ops.shape(x)[1])
    for number, block in enumerate(model.decoder.blocks, 1):
        x = run.decoder_block(
            block, f"decoder/block_{number}", x, memory, causal
        )
    outputs = run.note("decoder/outputs", model.decoder.final_norm(x))
    run.note("logits", model.projection.logits(outputs))
    return run.values


def attentions(
    model: transformer.Transformer,
) -> dict[str, layers.MultiHeadAttention]:
    """Returns all attention layers of a model, by their names.

    In `forward`, the names of the results of a layer begin with its name.

    Example:

    >>> from keras_transformer import models
    >>> config = models.TransformerConfig(11, 1, 1, 4, 2, 8)
    >>> for name in attentions(models.build_transformer(config)):
    ...     print(name)
    encoder/block_1/attention
    decoder/block_1/self_attention
    decoder/block_1/cross_attention
    """
    kinds = {
        "encoder": ("attention",),
        "decoder": ("self_attention", "cross_attention"),
    }
    return {
        f"{stack}/block_{number}/{kind}": getattr(block, kind)
        for stack, names in kinds.items()
        for number, block in enumerate(getattr(model, stack).blocks, 1)
        for kind in names
    }


class _Pass:
    """The results of one pass through a model, by their names."""

    def __init__(self):
        self.values = {}

    def note(self, name, value):
        self.values[name] = value
        return value

    def enter(self, stack, name, embeddings):
        """Makes the input of the first block from embeddings (B, T, D)."""
        self.note(f"{name}/embeddings", embeddings)
        if stack.positions is not None:
            encoding_TD = stack.positions.encode(
                ops.arange(ops.shape(embeddings)[1]), stack.model_dim
            )
            self.note(f"{name}/positions", encoding_TD[None])
        return self.note(
            f"{name}/inputs", stack.enter(embeddings, training=False)
        )

    def encoder_block(self, block, name, x):
        def attend(x):
            return self.attend(block.attention, f"{name}/attention", x, x, None)

        x = self.residual(block.attention_residual, name, x, attend)
        return self.feed_forward(block, name, x)

    def decoder_block(self, block, name, x, memory, causal):
        def attend_to_target(x):
            return self.attend(
                block.self_attention, f"{name}/self_attention", x, x, causal
            )

        def attend_to_memory(x):
            return self.attend(
                block.cross_attention,
                f"{name}/cross_attention",
                x,
                memory,
                None,
            )

        x = self.residual(
            block.self_attention_residual, name, x, attend_to_target
        )
        x = self.residual(
            block.cross_attention_residual, name, x, attend_to_memory
        )
        return self.feed_forward(block, name, x)

    def feed_forward(self, block, name, x):
        def transform(x):
            self.note(f"{name}/feed_forward/inputs", x)
            return self.note(
                f"{name}/feed_forward/outputs", block.feed_forward(x)
            )

        return self.residual(block.feed_forward_residual, name, x, transform)

    def residual(self, layer, name, x, sublayer):
        x, _ = layer(x, sublayer=lambda x: (sublayer(x), None), training=False)
        return self.note(f"{name}/{layer.name}", x)

    def attend(self, layer, name, inputs, memory, mask):
        """Lets inputs (B, T, D) attend to `memory` (B, S, D).

        In self-attention, `memory` is the inputs.
        """
        self.note(f"{name}/inputs", inputs)
        query = head_projections.to_heads(layer.query, inputs, layer.head_dim)
        key, value = layer.project_memory(memory)
        if layer.positions is None:
            attended, weights = dot_product.attend_heads(
                query, key, value, mask
            )
        else:
            attended, weights = layer.positions.attend_heads(
                query, key, value, mask
            )
        if isinstance(layer.positions, rotary.RotaryPositions):
            query = layer.positions.rotate(query)
        logits = grouped.einsum("BHTK,BHSK->BHTS", query, key)
        logits *= layer.head_dim**-0.5
        if isinstance(layer.positions, relative.RelativePositions):
            logits += layer.positions.logits_of_distances(query, key)
        for kind, numbers in (
            ("query", query),
            ("key", key),
            ("value", value),
            ("logits", logits),
            ("weights", weights),
            ("attended", attended),
        ):
            self.note(f"{name}/{kind}", numbers)
        return self.note(
            f"{name}/outputs", head_projections.from_heads(layer.out, attended)
        )
