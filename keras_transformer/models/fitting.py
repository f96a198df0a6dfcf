"""What a Transformer is put together from, and whether that fits."""

from keras_transformer.layers import checks, templates

# In the order in which they are built.
SUBLAYERS = (
    "source_embedding",
    "target_embedding",
    "projection",
    "encoder",
    "decoder",
)


def check_sublayers(model):
    """Checks the parts of a `Transformer`, and its ids.

    Args:
        model: has an attribute for each of `SUBLAYERS`, `pad_id` and
            `start_id`.

    Raises:
        ValueError: a part that cannot do what its place needs, parts of
            different sizes, ids that are not in the vocabulary.
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
            "All parts of a Transformer must have the same model_dim. "
            f"Received: {sizes}."
        )
    target_size = model.target_embedding.vocabulary_size
    if model.projection.vocabulary_size != target_size:
        raise ValueError(
            "The projection scores the tokens that the target embedding "
            f"reads. Received: {target_size} target tokens, "
            f"{model.projection.vocabulary_size} in the projection."
        )
    smallest = min(model.source_embedding.vocabulary_size, target_size)
    checks.check_id("pad_id", model.pad_id, smallest)
    checks.check_id("start_id", model.start_id, target_size)
