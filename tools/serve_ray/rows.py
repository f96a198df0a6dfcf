"""Reads requests in the row format of TensorFlow Serving's REST interface.

A client sends `{"signature_name": ..., "instances": [...]}`. An instance is an
object with a text for each input. If the signature has only one input, an
instance may also be the text, without an object. A text is a string, or
`{"b64": ...}` with its bytes in base64.

This file needs only the standard library, so that the process of `Front` does
not import TensorFlow.
"""

import base64
import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

_DEFAULT = "serving_default"
# The names of JSON's types in error messages.
_KINDS = {
    type(None): "null",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "a list",
    dict: "an object",
}


class RefusedError(Exception):
    """The error for a request that is not served.

    Args:
        status: the HTTP status.
        message: what was received, what was expected, and what to do.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclasses.dataclass(frozen=True)
class Limits:
    """The largest sizes of a request.

    instances: the largest number of instances.
    text_bytes: the largest number of bytes of a text in UTF-8.
    """

    instances: int
    text_bytes: int

    @property
    def body_bytes(self) -> int:
        """Returns the largest number of bytes of the body of a request."""
        # An instance has at most two texts. JSON writes a byte of a text as at
        # most six bytes, such as \u0041. 64 bytes of each instance and 1024
        # bytes of the body are for names and punctuation.
        return 1024 + self.instances * (2 * 6 * self.text_bytes + 64)


class Call(NamedTuple):
    """A call of a signature.

    signature: the name of the signature.
    inputs: a dict from the name of each input to a list of byte strings. The
        list has one text for each instance.
    """

    signature: str
    inputs: dict[str, list[bytes]]

    @property
    def rows(self) -> int:
        """Returns the number of instances."""
        return len(next(iter(self.inputs.values())))


def action_of(method: str, path: str, name: str, version: str) -> str:
    """Returns what a request asks for: "status", "metadata" or "predict".

    Args:
        method: the HTTP method.
        path: the path of the URL.
        name: the name of the model of this server.
        version: the version of this model. A path may leave it out.

    Raises:
        RefusedError: there is no such path, model or version, or the path
            needs another method.

    Example:

    >>> action_of("POST", "/v1/models/demo:predict", "demo", "1")
    'predict'
    """
    match = re.fullmatch(
        r"/v1/models/([^/:]+)(?:/versions/([^/:]+))?(/metadata|:predict|)", path
    )
    if not match:
        raise RefusedError(
            404,
            f"There is no path {path}. Expected /v1/models/{name}, the same "
            f"with /metadata, or /v1/models/{name}:predict.",
        )
    if match[1] != name or match[2] not in (None, version):
        asked = match[1] if match[2] is None else f"{match[1]} {match[2]}"
        raise RefusedError(
            404,
            f"There is no model {asked}. This server has the model {name}, "
            f"version {version}.",
        )
    action = match[3].strip("/:") or "status"
    expected = "POST" if action == "predict" else "GET"
    if method != expected:
        raise RefusedError(
            405, f"{path} does not take {method}. Expected {expected}."
        )
    return action


def read_call(
    body: bytes, inputs: Mapping[str, Sequence[str]], limits: Limits
) -> Call:
    """Reads the body of a request for predictions.

    Args:
        body: the body.
        inputs: the names of the inputs of each signature.
        limits: the largest sizes of the request.

    Raises:
        RefusedError: the request is not in the row format, has too many
            instances or a too long text, or asks for a signature that is not
            in `inputs`.

    Example:

    >>> read_call(
    ...     b'{"instances": ["Hello."]}',
    ...     {"serving_default": ["text"]},
    ...     Limits(instances=3, text_bytes=100),
    ... )
    Call(signature='serving_default', inputs={'text': [b'Hello.']})
    """
    request = _read_json(body)
    signature = request.get("signature_name", _DEFAULT)
    if not isinstance(signature, str):
        raise RefusedError(
            400, f"signature_name is {_kind(signature)}. Expected a string."
        )
    if signature not in inputs:
        raise RefusedError(
            400,
            f"There is no signature {signature!r}. Expected one of "
            f"{', '.join(inputs)}.",
        )
    instances = _instances(request, limits)
    names = inputs[signature]
    rows = [
        _read_instance(f"instances[{number}]", instance, names, limits)
        for number, instance in enumerate(instances)
    ]
    return Call(
        signature, {name: [row[name] for row in rows] for name in names}
    )


def _read_json(body):
    try:
        request = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise RefusedError(
            400, f"The request is not JSON in UTF-8: {error}."
        ) from error
    if not isinstance(request, dict):
        raise RefusedError(
            400,
            f"The request is {_kind(request)}. Expected an object with "
            "instances.",
        )
    return request


def _instances(request, limits):
    if "inputs" in request or "instances" not in request:
        raise RefusedError(
            400,
            f"The request has {', '.join(sorted(request)) or 'nothing'}. "
            "Expected instances, the row format.",
        )
    instances = request["instances"]
    if not isinstance(instances, list) or not instances:
        raise RefusedError(
            400,
            f"instances is {_kind(instances)}. Expected a list of at least "
            "one instance.",
        )
    if len(instances) > limits.instances:
        raise RefusedError(
            413,
            f"The request has {len(instances)} instances. Expected at most "
            f"{limits.instances}. Send several requests.",
        )
    return instances


def _read_instance(place, instance, names, limits):
    """Returns, for each input, the bytes of the text of an instance."""
    is_text = isinstance(instance, str) or _is_bytes(instance)
    if is_text and len(names) == 1:
        return {names[0]: _read_text(place, instance, limits)}
    if is_text or not isinstance(instance, dict):
        raise RefusedError(
            400,
            f"{place} is {_kind(instance)}. Expected an object with "
            f"{' and '.join(names)}"
            + (", or a text." if len(names) == 1 else "."),
        )
    if set(instance) != set(names):
        raise RefusedError(
            400,
            f"{place} has {', '.join(sorted(instance)) or 'nothing'}. Expected "
            f"{' and '.join(names)}.",
        )
    return {
        name: _read_text(f"{place}.{name}", instance[name], limits)
        for name in names
    }


def _is_bytes(value):
    return isinstance(value, dict) and set(value) == {"b64"}


def _read_text(place, value, limits):
    """Returns the bytes of a text."""
    try:
        if _is_bytes(value) and isinstance(value["b64"], str):
            content = base64.b64decode(value["b64"], validate=True)
        elif isinstance(value, str):
            content = value.encode("utf-8")
        else:
            raise RefusedError(
                400,
                f"{place} is {_kind(value)}. Expected a string, or an object "
                "with b64.",
            )
    except ValueError as error:
        raise RefusedError(
            400,
            f"{place} is not a text: {error}. Expected Unicode, or bytes in "
            "base64.",
        ) from error
    if len(content) > limits.text_bytes:
        raise RefusedError(
            413,
            f"{place} has {len(content)} bytes. Expected at most "
            f"{limits.text_bytes}. Split it into sentences.",
        )
    return content


def _kind(value):
    """Returns words for the kind of a JSON value, such as "a string"."""
    if value == []:
        return "an empty list"
    return _KINDS[type(value)]
