"""Derives the architecture of a CTranslate2 model from its `model.bin`."""

import dataclasses
import math
import os
import re

import numpy as np

from keras_transformer.interchange import (
    ctranslate2_attention,
    ctranslate2_file,
)
from keras_transformer.layers import sinusoids
from keras_transformer.models import config as configs

SPECS = ("TransformerSpec", "TransformerBase", "TransformerBig")
# The supported values of the setting `activation`. The values 1 and 4, which
# are approximations of GELU, are not supported.
ACTIVATIONS = {0: "relu", 2: "silu", 3: "gelu"}
GATED = {"relu": "reglu", "silu": "swiglu", "gelu": "geglu"}
# CTranslate2's epsilon of norms if `config.json` does not set it.
_EPSILON = {"layer": 1e-5, "rms": 1e-6}
# Each of these settings must be off or missing.
_OFF = (
    "decoder/alibi",
    "decoder/scale_alibi",
    "encoder/multi_query_attention",
    "decoder/multi_query_attention",
)
# Settings that change no translation of a supported model. They say how
# alignments are made, how the embeddings of several features are merged, and
# how ALiBi, which is not supported, counts positions.
_IGNORED = (
    "decoder/alibi_use_positive_positions",
    "decoder/alignment_heads",
    "decoder/alignment_layer",
    "encoder/embeddings_merge",
)
_OF_STACKS = ("num_heads", "pre_norm", "activation", "scale_embeddings")
_OF_MODEL = (
    "with_source_bos",
    "with_source_eos",
    "with_target_bos",
    "decoder/start_from_zero_embedding",
)
# A table of positions has sinusoids of a form, one of `sinusoids.FORMS`, if no
# element differs by more than `_TOLERANCE` from the sinusoids of this form.
_TOLERANCE = 1e-5


@dataclasses.dataclass(frozen=True)
class Facts:
    """The architecture and the weights of the model in a file.

    config: the architecture, but with default values of the vocabulary sizes,
        of the tying of embeddings and of the special ids.
    arrays: the weights as float32, by their names in the file; without settings
        and tables of sinusoids.
    source_embedding: the name of the source embedding in the file.
    """

    config: configs.TransformerConfig
    arrays: dict[str, np.ndarray]
    source_embedding: str


def of_file(
    file: ctranslate2_file.ModelFile,
    where: str | os.PathLike[str],
    epsilon: float | None,
) -> Facts:
    """Derives the architecture and the weights of a model.

    Args:
        file: the content of the file.
        where: the path of the file, for messages.
        epsilon: the epsilon of norms in `config.json`; `None` for the default
            of CTranslate2.

    Raises:
        ValueError: the file is damaged, or the architecture is not supported.
            A message about the architecture gives the setting, its value and
            the supported values.
    """
    if file.spec not in SPECS:
        raise _unsupported(where, "the kind of model", file.spec, SPECS)
    settings = _settings(file.variables, where)
    arrays = _dequantized(file.variables, settings, where)
    source_embedding = "encoder/embeddings"
    if f"{source_embedding}_0/weight" in arrays:
        source_embedding = f"{source_embedding}_0"
    for name in (source_embedding, "decoder/embeddings"):
        _size(arrays, f"{name}/weight", where)
    model_dim = arrays[f"{source_embedding}/weight"].shape[1]
    values = _numbers(file.spec, settings, model_dim, where)
    activation = _activation(arrays, values["activation"], where)
    norm = "layer"
    if "encoder/layer_0/ffn/layer_norm/beta" not in arrays:
        norm = "rms"
    positions, arrays, count = _positions(arrays, where)
    is_rotary, num_key_value_heads = ctranslate2_attention.read(
        settings, values["num_heads"], model_dim // values["num_heads"]
    )
    config = configs.TransformerConfig(
        num_encoder_layers=_count_layers(arrays, "encoder"),
        num_decoder_layers=_count_layers(arrays, "decoder"),
        model_dim=model_dim,
        num_heads=values["num_heads"],
        feed_forward_dim=_size(
            arrays, "encoder/layer_0/ffn/linear_0/weight", where
        ),
        normalization="pre" if values["pre_norm"] else "post",
        positions="rotary" if is_rotary else positions,
        num_key_value_heads=num_key_value_heads,
        norm=norm,
        epsilon=_EPSILON[norm] if epsilon is None else epsilon,
        activation=activation,
        biases="all",
        embedding_scale=_scale(settings, model_dim, where),
        max_positions=count,
    )
    return Facts(config, arrays, source_embedding)


def _settings(variables, where):
    """Returns the settings in a file. Each setting in `_OFF` must be off."""
    settings = {
        name: values
        for name, values in variables.items()
        if name in (*_OFF, *_IGNORED, *_OF_MODEL)
        or name.split("/")[-1] in (*_OF_STACKS, "multiply_by_sqrt_depth")
        or ctranslate2_attention.is_setting(name)
    }
    for name in _OFF:
        if flag(settings, name, False):
            raise _unsupported(where, name, "true", ("false",))
    return settings


def flag(variables: dict[str, np.ndarray], name: str, default: bool) -> bool:
    """Returns a setting that is true or false.

    Args:
        variables: the variables of a file, by their names.
        name: the name of the setting.
        default: the result if the file does not have the setting.

    Raises:
        ValueError: the setting is not one finite number.
    """
    return bool(_scalar(variables, name, default))


def _scalar(variables, name, default):
    """Returns a setting that is one number, or `default` if it is missing."""
    values = variables.get(name)
    if values is None:
        return default
    if values.size != 1 or not np.all(np.isfinite(values)):
        raise ValueError(
            f"The setting {name} must be one number. Received: an array of "
            f"the shape {values.shape}. Copy the file again from the original."
        )
    return values.ravel()[0]


def _same_in_stacks(settings, name, where, default):
    """Returns an integer setting that encoder and decoder must share.

    A stack without the setting gets the model's setting, or else `default`.
    """
    of_model = _scalar(settings, name, default)
    received = [
        int(_scalar(settings, f"{stack}/{name}", of_model))
        for stack in ("encoder", "decoder")
    ]
    if received[0] != received[1]:
        raise _unsupported(
            where,
            f"{name} of encoder and decoder",
            tuple(received),
            ("one value for both",),
        )
    return received[0]


def _numbers(spec, settings, model_dim, where):
    """Returns `num_heads`, `pre_norm` and `activation` of both stacks."""
    values = {
        name: _same_in_stacks(settings, name, where, default)
        for name, default in (
            ("num_heads", 16 if spec == "TransformerBig" else 8),
            ("pre_norm", 1),
            ("activation", 0),
        )
    }
    num_heads = values["num_heads"]
    if num_heads < 1 or model_dim % num_heads:
        raise ValueError(
            f"{where}: the heads must share the model's dimension. Received: "
            f"num_heads={num_heads}, {model_dim} columns of the embedding. "
            "The file is damaged. Copy it again from the original."
        )
    return values


def _dequantized(variables, settings, where):
    """Returns all arrays that are neither settings nor scales, as float32."""
    arrays = {}
    for name, values in variables.items():
        if name in settings or name.endswith("/weight_scale"):
            continue
        if values.dtype.kind == "i":
            values = _scaled(
                name, values, variables.get(f"{name}_scale"), where
            )
        arrays[name] = values.astype("float32", copy=False)
    return arrays


def _activation(arrays, code, where):
    """Returns the name of the activation, as in `TransformerConfig`.

    If the feed-forward networks are gated, this is the name of the gated form,
    such as "swiglu" instead of "silu".
    """
    if code not in ACTIVATIONS:
        raise _unsupported(where, "activation", code, sorted(ACTIVATIONS))
    name = ACTIVATIONS[code]
    is_gated = "encoder/layer_0/ffn/linear_0_noact/weight" in arrays
    return GATED[name] if is_gated else name


def _scaled(name, values, scale, where):
    """Divides a matrix by its scale: a number, or a number for each row."""
    if scale is None or values.ndim != 2:
        raise _unsupported(
            where,
            name,
            f"integers of type {values.dtype}",
            ("scaled matrices",),
        )
    is_fitting = scale.size in (1, len(values)) and scale.dtype.kind == "f"
    if not is_fitting or not np.all(np.isfinite(scale) & (scale > 1e-30)):
        raise ValueError(
            f"{where}: {name}_scale does not fit. Received: shape "
            f"{scale.shape}, values from {scale.min(initial=np.inf)}. Expected "
            f"one positive number, or one for each of {len(values)} rows. Copy "
            "the file again from the original."
        )
    return values / scale.astype("float32").reshape(-1, 1)


def _count_layers(arrays, stack):
    """Returns the number of layers of a stack."""
    numbers = {
        int(match[1])
        for name in arrays
        if (match := re.match(rf"{stack}/layer_(\d+)/", name))
    }
    return len(numbers)


def _size(arrays, name, where):
    """Returns the number of rows of a matrix, which must be in the file."""
    if name not in arrays or arrays[name].ndim != 2:
        raise ValueError(
            f"{where} has no matrix {name}. It is not a complete model of a "
            "translator. Copy it again from the original."
        )
    return arrays[name].shape[0]


def _positions(arrays, where):
    """Returns `positions` of the config, the weights, and `max_positions`.

    Without tables, positions are the sinusoids that CTranslate2 computes. If
    both tables have sinusoids of the same form, they are left out of the
    weights. Other tables are learned weights.
    """
    names = [
        f"{stack}/position_encodings/encodings"
        for stack in ("encoder", "decoder")
    ]
    tables = [arrays.get(name) for name in names]
    default = configs.TransformerConfig.max_positions
    if all(table is None for table in tables):
        return "tensor2tensor_from_1", arrays, default
    if any(table is None or table.ndim != 2 for table in tables) or (
        tables[0].shape != tables[1].shape
    ):
        shapes = [None if table is None else table.shape for table in tables]
        raise _unsupported(
            where, "tables of positions", shapes, ("two of the same shape",)
        )
    forms = {_form_of(table) for table in tables}
    form = forms.pop()
    if forms or form is None:
        return "learned", arrays, len(tables[0])
    others = {name: arrays[name] for name in arrays if name not in names}
    return form, others, default


def _form_of(table):
    """Returns the name in `sinusoids.FORMS` that fits a table, or `None`."""
    length, model_dim = table.shape
    if model_dim % 2 or model_dim < 4 or not length:
        return None
    for form in sinusoids.FORMS:
        expected = sinusoids.sinusoidal_encoding(
            np.arange(length), model_dim, form
        )
        if np.allclose(table, expected, rtol=0, atol=_TOLERANCE):
            return form
    return None


def _scale(settings, model_dim, where):
    """Returns `embedding_scale`, as in `TransformerConfig`."""
    scales = set()
    for stack in ("encoder", "decoder"):
        name = f"{stack}/scale_embeddings"
        values = settings.get(name)
        if values is None:
            # Older models have the setting under this name.
            name = f"{stack}/embeddings/multiply_by_sqrt_depth"
            values = settings.get(name)
        number = 1.0 if values is None else float(_scalar(settings, name, 1))
        if values is None or values.dtype == np.int8:
            number = math.sqrt(model_dim) if number else 1.0
        scales.add(number)
    for name, number in (("sqrt_dim", math.sqrt(model_dim)), ("none", 1.0)):
        if all(math.isclose(each, number, rel_tol=1e-5) for each in scales):
            return name
    raise _unsupported(
        where,
        "scale_embeddings",
        sorted(scales),
        (f"1 or {math.sqrt(model_dim):.4f} for both sides",),
    )


def _unsupported(where, field, value, supported):
    return ValueError(
        f"{where}: an architecture that is not supported. Received: {field} = "
        f"{value}. Supported: {', '.join(map(str, supported))}. See "
        "docs/interchange.md."
    )
