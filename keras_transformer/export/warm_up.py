"""Writes the requests that TensorFlow Serving runs when it loads a SavedModel.

The first call of a graph takes much longer than later calls. If a SavedModel
has a file of `PredictionLog` messages, TensorFlow Serving runs their requests
before it accepts requests of clients. The package tensorflow does not define
this message of protocol buffers, so this module makes the bytes of each message
itself. A message is a sequence of fields. Each field that this module writes
has a number and a type, then the length of its content, then the content.
"""

import pathlib
from collections.abc import Mapping, Sequence

import tensorflow as tf

# TensorFlow Serving reads this file of the SavedModel.
FILE = pathlib.PurePath("assets.extra", "tf_serving_warmup_requests")
# Field numbers of prediction_log.proto, predict.proto and model.proto in
# tensorflow_serving/apis. `_KEY` and `_VALUE` are the fields of a map's entry.
_PREDICT_LOG, _REQUEST = 6, 1
_MODEL_SPEC, _INPUTS = 1, 2
_SIGNATURE_NAME = 3
_KEY, _VALUE = 1, 2


def write(
    directory: pathlib.Path,
    inputs: Mapping[str, Sequence[str]],
    texts: Sequence[str],
) -> None:
    """Writes one request for each signature to `FILE` in a SavedModel.

    Args:
        directory: the directory of the SavedModel.
        inputs: a dict from the name of each signature to the names of its
            inputs.
        texts: a batch of texts. Every input gets this batch as its value.
    """
    path = directory / FILE
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature, names in inputs.items():
            writer.write(
                _prediction_log(signature, {name: texts for name in names})
            )


def _prediction_log(signature, inputs):
    """Returns the bytes of a `PredictionLog` of one request."""
    request = _field(
        _MODEL_SPEC, _field(_SIGNATURE_NAME, signature.encode("utf-8"))
    )
    for name, texts in inputs.items():
        tensor = tf.make_tensor_proto(
            list(texts), tf.string, [len(texts)]
        ).SerializeToString()
        entry = _field(_KEY, name.encode("utf-8")) + _field(_VALUE, tensor)
        request += _field(_INPUTS, entry)
    return _field(_PREDICT_LOG, _field(_REQUEST, request))


def _field(number, content):
    """Encodes a field from its number and its content, which is bytes."""
    of_bytes = 2
    return _varint(number << 3 | of_bytes) + _varint(len(content)) + content


def _varint(number):
    """Encodes a number in groups of seven bits, the lowest group first.

    Each group becomes the low bits of a byte. The highest bit of this byte is 1
    if another group follows.
    """
    groups = [number & 127]
    while number := number >> 7:
        groups[-1] |= 128
        groups.append(number & 127)
    return bytes(groups)
