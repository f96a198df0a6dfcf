"""Checks the sublayers of a Transformer, and the ids that one step gets."""

from typing import Any

from keras_transformer.layers import checks, templates

# The attributes of a `Transformer` that are sublayers with weights, in the
# order in which they are built.
SUBLAYERS = (
    "source_embedding",
    "target_embedding",
    "projection",
    "encoder",
    "decoder",
)


def check_sublayers(model: Any) -> None:
    """Checks the sublayers, the padding id and the start id of a `Transformer`.

    Args:
        model: an object with `pad_id`, `start_id` and the attributes in
            `SUBLAYERS`.

    Raises:
        ValueError: a sublayer lacks a method, sublayers differ in `model_dim`,
            the target embedding and the projection differ in the vocabulary
            size, `pad_id` is not in both vocabularies, or `start_id` is not in
            the target vocabulary.
    """
    templates.check_kind(model.encoder, "encoder", "Encoder", ("enter",))
    templates.check_kind(
        model.decoder, "decoder", "Decoder", ("start", "step", "stepper")
    )
    for name in ("source_embedding", "target_embedding", "projection"):
        templates.check_kind(
            getattr(model, name), name, "TokenEmbedding", ("logits", "scorer")
        )
    sizes = {name: getattr(model, name).model_dim for name in SUBLAYERS}
    if len(set(sizes.values())) > 1:
        raise ValueError(
            "All sublayers of a Transformer must have the same model_dim. "
            f"Received: {sizes}. Make them with one size."
        )
    target_size = model.target_embedding.vocabulary_size
    if model.projection.vocabulary_size != target_size:
        raise ValueError(
            "The projection must have the vocabulary of the target embedding. "
            f"Received: {target_size} target tokens, "
            f"{model.projection.vocabulary_size} in the projection. Make both "
            "with one vocabulary_size."
        )
    smallest = min(model.source_embedding.vocabulary_size, target_size)
    checks.check_id("pad_id", model.pad_id, smallest)
    checks.check_id("start_id", model.start_id, target_size)


def check_ids(number: int | None, rows: int | None, width: int) -> None:
    """Checks that there is one id for each hypothesis.

    Args:
        number: the number of ids; `None` if it is not known yet.
        rows: the number of rows of the state; `None` if it is not known yet.
        width: W, the number of hypotheses of a row.

    Raises:
        ValueError: `number` and `rows` are known, and `number` is not `rows`
            times `width`.
    """
    if number is None or rows is None:
        return
    if number != rows * width:
        raise ValueError(
            f"The state has {rows} sources of {width} hypotheses. Received: "
            f"{number} ids. Expected: {rows * width}, with the hypotheses of a "
            "source side by side. Start with the same number of sources, and "
            "change the state by `widen` or `take_rows`."
        )
