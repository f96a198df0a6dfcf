"""Requests with one error each, and the answers they must get."""

import json
import random

KINDS = {
    "null": None,
    "a boolean": True,
    "a number": 7,
    "an empty list": [],
    "a list": ["a"],
    "an object": {"text": "a", "b64": "YQ=="},
    "a string": "a",
}


def requests(count, limits, signatures, seed=0):
    """Makes requests of all kinds in turn.

    `signatures` are names of signatures with the input `text` alone. Returns
    tuples of a request body, the status of the response, and a text that the
    error message must contain.
    """
    source = random.Random(seed)
    makers = [
        _cut,
        _not_utf_8,
        _no_object,
        _no_instances,
        _no_list,
        _unknown_signature,
        _wrong_signature,
        _wrong_instance,
        _wrong_keys,
        _wrong_text,
        _wrong_base64,
        _too_many,
        _too_long,
    ]
    return [
        makers[number % len(makers)](
            source,
            {
                "signature_name": source.choice(signatures),
                "instances": [
                    {"text": "ba"}
                    for _ in range(source.randint(1, limits.instances))
                ],
            },
            limits,
        )
        for number in range(count)
    ]


def _body(request):
    return json.dumps(request).encode()


def _kind(source, *right):
    """Returns the name and an example of a JSON type that is not right."""
    return source.choice([k for k in KINDS.items() if k[0] not in right])


def _changed(source, request, change):
    """Changes a random instance; returns the body and the instance's name."""
    number = source.randrange(len(request["instances"]))
    request["instances"][number] = change(request["instances"][number])
    return _body(request), f"instances[{number}]"


def _cut(source, request, _):
    body = _body(request)
    return body[: source.randrange(len(body))], 400, "is not JSON in UTF-8: "


def _not_utf_8(source, request, _):
    body = _body(request)
    place = source.randrange(len(body))
    return body[:place] + b"\xff" + body[place:], 400, "'utf-8' codec can't"


def _no_object(source, request, _):
    kind, value = _kind(source, "an object")
    return _body(value), 400, f"The request is {kind}. Expected an object with"


def _no_instances(source, request, _):
    name = source.choice(["inputs", "instance", "text"])
    return (
        _body({name: request["instances"]}),
        400,
        f"The request has {name}. Expected instances",
    )


def _no_list(source, request, _):
    kind, value = _kind(source, "a list")
    return (
        _body({"instances": value}),
        400,
        f"instances is {kind}. Expected a list",
    )


def _unknown_signature(source, request, _):
    name = "".join(source.choices("abcde", k=7))
    return (
        _body({**request, "signature_name": name}),
        400,
        f"There is no signature '{name}'. Expected one of ",
    )


def _wrong_signature(source, request, _):
    kind, value = _kind(source, "a string")
    return (
        _body({**request, "signature_name": value}),
        400,
        f"signature_name is {kind}. Expected a string.",
    )


def _wrong_instance(source, request, _):
    kind, value = _kind(source, "an object", "a string")
    body, place = _changed(source, request, lambda _: value)
    return body, 400, f"{place} is {kind}. Expected an object with text, or a"


def _wrong_keys(source, request, _):
    keys = source.choice([["texts"], ["target", "text"], []])
    body, place = _changed(source, request, lambda _: dict.fromkeys(keys, "a"))
    names = ", ".join(keys) or "nothing"
    return body, 400, f"{place} has {names}. Expected text."


def _wrong_text(source, request, _):
    kind, value = _kind(source, "a string")
    body, place = _changed(source, request, lambda _: {"text": value})
    return body, 400, f"{place}.text is {kind}. Expected a string, or an"


def _wrong_base64(source, request, _):
    text = source.choice(["*", "a", "YQ=", "\u00e9"])
    body, place = _changed(source, request, lambda _: {"b64": text})
    return body, 400, f"{place} is not a text: "


def _too_many(source, request, limits):
    count = limits.instances + source.randint(1, 9)
    return (
        _body({**request, "instances": ["ba"] * count}),
        413,
        f"has {count} instances. Expected at most {limits.instances}. Send",
    )


def _too_long(source, request, limits):
    size = limits.text_bytes + source.randint(1, 99)
    body, place = _changed(source, request, lambda _: {"text": "b" * size})
    return (
        body,
        413,
        f"{place}.text has {size} bytes. Expected at most {limits.text_bytes}",
    )
