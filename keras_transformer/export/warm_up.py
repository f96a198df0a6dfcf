"""The requests that TensorFlow Serving runs when it loads a SavedModel.

The first call of a graph takes much longer than the others. TensorFlow Serving
makes it before it takes requests of clients, if it finds a file of
`PredictionLog` messages. That message is not part of the package tensorflow,
so this file writes its bytes: a message is a sequence of fields, and each field
here is a number, a length and that many bytes.
"""

import pathlib
from collections.abc import Mapping, Sequence

import tensorflow as tf

# Where TensorFlow Serving looks for the requests, in the SavedModel.
FILE = pathlib.PurePath("assets.extra", "tf_serving_warmup_requests")
# Numbers of fields, in tensorflow_serving/apis: prediction_log.proto,
# predict.proto and model.proto.
_PREDICT_LOG, _REQUEST = 6, 1
_MODEL_SPEC, _INPUTS = 1, 2
_SIGNATURE_NAME = 3
_KEY, _VALUE = 1, 2


def write(
    directory: pathlib.Path,
    inputs: Mapping[str, Sequence[str]],
    texts: Sequence[str],
) -> None:
    """Writes one request for each signature.

    Args:
        directory: the SavedModel.
        inputs: the names of the inputs of each signature.
        texts: the value of each input, a batch.
    """
    path = directory / FILE
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature, names in inputs.items():
            writer.write(
                _prediction_log(signature, {name: texts for name in names})
            )


def _prediction_log(signature, inputs):
    """Returns a `PredictionLog` of one request, as bytes."""
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
    """Returns a field of bytes: its number and kind, its length, its bytes."""
    of_bytes = 2
    return _varint(number << 3 | of_bytes) + _varint(len(content)) + content


def _varint(number):
    """Returns a number in groups of seven bits, the lowest group first."""
    groups = [number & 127]
    while number := number >> 7:
        groups[-1] |= 128
        groups.append(number & 127)
    return bytes(groups)
