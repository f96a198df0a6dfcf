"""Makes the settings in a `model.bin` and a `config.json` of CTranslate2."""

from typing import Any

import numpy as np

from keras_transformer import text
from keras_transformer.interchange import (
    ctranslate2_architecture,
    ctranslate2_attention,
    weight_shapes,
)
from keras_transformer.models import config as configs

# The form of sinusoids that CTranslate2 computes itself. The export writes no
# table for this form.
COMPUTED_POSITIONS = "tensor2tensor_from_1"


def check_supported(config: configs.TransformerConfig) -> None:
    """Raises ValueError if the positions of a model cannot be exported.

    Args:
        config: the architecture.
    """
    if not weight_shapes.has_known_positions(config):
        raise ValueError(
            "Such positions cannot be exported to CTranslate2. Received: "
            f"positions={config.positions!r}. Supported: sinusoids, learned "
            "and rotary positions. Train a model with one of these."
        )


def settings(config: configs.TransformerConfig) -> dict[str, np.ndarray]:
    """Returns the variables of a `model.bin` that are settings, by their names.

    Args:
        config: the architecture.

    Example:

    >>> int(settings(configs.PRESETS["base"])["encoder/num_heads"])
    8
    """
    gated = {
        name: plain for plain, name in ctranslate2_architecture.GATED.items()
    }
    plain = gated.get(config.activation, config.activation)
    [activation] = (
        code
        for code, name in ctranslate2_architecture.ACTIVATIONS.items()
        if name == plain
    )
    of_stack = {
        "num_heads": np.int16(config.num_heads),
        "pre_norm": np.int8(config.normalization == "pre"),
        "activation": np.int8(activation),
        "scale_embeddings": np.int8(config.embedding_scale == "sqrt_dim"),
    }
    made = {
        f"{stack}/{name}": value
        for stack in weight_shapes.ATTENTIONS
        for name, value in of_stack.items()
    } | {
        "encoder/embeddings_merge": np.int8(0),
        "encoder/multi_query_attention": np.int8(0),
        "decoder/alibi": np.int8(0),
        "decoder/alibi_use_positive_positions": np.int8(0),
        "decoder/scale_alibi": np.int8(0),
        # With these values CTranslate2 takes alignments from all heads of the
        # second last layer. If there are at most two layers, it takes them from
        # the last layer.
        "decoder/alignment_layer": np.int16(
            -2 if config.num_decoder_layers > 2 else -1
        ),
        "decoder/alignment_heads": np.int16(0),
        "decoder/start_from_zero_embedding": np.int8(
            config.start_id == config.pad_id
        ),
    }
    return {
        name: np.asarray(value)
        for name, value in (made | _of_attentions(config)).items()
    }


def _of_attentions(config):
    """Returns the settings of rotary positions and shared key-value heads."""
    made = {}
    for stack in weight_shapes.ATTENTIONS:
        for i in range(len(weight_shapes.block_names(config, stack))):
            name = f"{stack}/layer_{i}/self_attention"
            if config.positions == "rotary":
                made[f"{name}/rotary_dim"] = np.int32(0)
                made[f"{name}/rotary_interleave"] = np.int8(0)
                made[f"{name}/rotary_base"] = np.float32(
                    ctranslate2_attention.ROTARY_BASE
                )
            if config.num_key_value_heads is not None:
                heads = np.int32(config.num_key_value_heads)
                made[f"{name}/num_heads_kv"] = heads
                if stack == "decoder":
                    cross = f"{stack}/layer_{i}/attention"
                    made[f"{cross}/num_heads_kv"] = heads
    return made


def options(
    config: configs.TransformerConfig,
    source: text.TextTokenizer,
    target: text.TextTokenizer,
) -> dict[str, Any]:
    """Returns the content of the `config.json` of CTranslate2.

    Args:
        config: the architecture.
        source: the tokenizer of the sources.
        target: the tokenizer of the targets.

    Raises:
        ValueError: CTranslate2 cannot add the tokens that a tokenizer adds to
            sources or targets.
    """
    ids, pieces = source.special_ids, source.pieces
    prefix, ending = ids.source_prefix, ids.source_ending
    begin = () if ids.begin is None else (ids.begin,)
    if prefix not in ((), begin) or ending not in ((), (ids.end,)):
        raise ValueError(
            "CTranslate2 can begin sources with the begin token and end them "
            "with the end token. Received: sources that begin with "
            f"{pieces(prefix)} and end with {pieces(ending)}. Such a model "
            "cannot be exported."
        )
    target_ids = target.special_ids
    if target_ids.target_prefix:
        raise ValueError(
            "A search of CTranslate2 takes the first tokens of targets from "
            "its caller. Received: targets that begin with "
            f"{target.pieces(target_ids.target_prefix)}. Such a model cannot "
            "be exported."
        )
    end = target.pieces([target_ids.end])[0]
    return {
        # Some vocabularies have no unknown token, because they can encode every
        # character. CTranslate2 expects an unknown token, so the end token is
        # written instead.
        "unk_token": end
        if target_ids.unknown is None
        else target.pieces([target_ids.unknown])[0],
        "bos_token": pieces(begin)[0] if begin else end,
        "eos_token": end,
        "decoder_start_token": target.pieces([config.start_id])[0],
        "add_source_bos": bool(prefix),
        "add_source_eos": bool(ending),
        "layer_norm_epsilon": config.epsilon,
        "multi_query_attention": False,
    }
