"""Warm-up requests are messages of TensorFlow Serving with the given texts.

Protobuf itself reads the messages. Their descriptors below follow the files
in tensorflow_serving/apis.
"""

import tensorflow as tf
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from keras_transformer.export import warm_up

_FIELD = descriptor_pb2.FieldDescriptorProto
_KINDS = {"": _FIELD.TYPE_STRING, "bytes": _FIELD.TYPE_BYTES}


def prediction_log():
    """Returns the class of the message `PredictionLog`."""
    file = descriptor_pb2.FileDescriptorProto(
        name="prediction_log.proto", package="serving", syntax="proto3"
    )
    for message, fields in (
        ("Entry", [("key", 1, ""), ("value", 2, "bytes")]),
        ("ModelSpec", [("name", 1, ""), ("signature_name", 3, "")]),
        (
            "PredictRequest",
            [("model_spec", 1, "ModelSpec"), ("inputs", 2, "Entry")],
        ),
        ("PredictLog", [("request", 1, "PredictRequest")]),
        ("PredictionLog", [("predict_log", 6, "PredictLog")]),
    ):
        described = file.message_type.add(name=message)
        for name, number, kind in fields:
            field = described.field.add(name=name, number=number)
            field.label = (
                _FIELD.LABEL_REPEATED
                if name == "inputs"
                else _FIELD.LABEL_OPTIONAL
            )
            field.type = _KINDS.get(kind, _FIELD.TYPE_MESSAGE)
            if field.type == _FIELD.TYPE_MESSAGE:
                field.type_name = f".serving.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(
        pool.FindMessageTypeByName("serving.PredictionLog")
    )


def read(path):
    """Returns the requests of a file: pairs of signature and inputs."""
    kind, requests = prediction_log(), []
    for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
        request = kind.FromString(record).predict_log.request
        inputs = {
            entry.key: tf.io.parse_tensor(entry.value, tf.string).numpy()
            for entry in request.inputs
        }
        requests.append((request.model_spec.signature_name, inputs))
    return requests


def test_one_request_for_each_signature(tmp_path):
    # The last text has more than 127 bytes, so its length needs two bytes.
    texts = ["ba de", "", "d’été " * 59]
    warm_up.write(tmp_path, {"one": ["text"], "two": ["text", "target"]}, texts)
    requests = read(tmp_path / "assets.extra" / "tf_serving_warmup_requests")
    assert [name for name, _ in requests] == ["one", "two"]
    assert [list(inputs) for _, inputs in requests] == [
        ["text"],
        ["text", "target"],
    ]
    for _, inputs in requests:
        for value in inputs.values():
            assert value.shape == (3,)
            assert [text.decode() for text in value] == texts
