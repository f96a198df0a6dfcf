"""Makes WSGI applications that respond to the requests of a browser."""

import json
import urllib.parse
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

_STATUS = {200: "200 OK", 404: "404 Not Found"}


class Answer(NamedTuple):
    """A response to the browser.

    body: the content.
    content_type: the media type of the body.
    code: the HTTP status code, 200 or 404.
    """

    body: bytes
    content_type: str = "application/json"
    code: int = 200


def of_json(value: Any, code: int = 200) -> Answer:
    """Returns a response with a value as JSON.

    Args:
        value: a value that `json.dumps` can write.
        code: the HTTP status code, 200 or 404.

    Example:

    >>> of_json({"steps": [7]}).body
    b'{"steps": [7]}'
    """
    return Answer(json.dumps(value).encode(), code=code)


def application(
    answer: Callable[[Mapping[str, str], Mapping[str, Any]], Answer],
) -> Callable[..., Iterable[bytes]]:
    """Makes a WSGI application.

    Args:
        answer: a function that takes a dict of query parameters and the WSGI
            environment of a request, and returns the response. The dict does
            not have parameters with an empty value.
    """

    def respond(environ, start_response):
        query = dict(urllib.parse.parse_qsl(environ.get("QUERY_STRING", "")))
        body, content_type, code = answer(query, environ)
        headers = [
            ("Content-Type", content_type),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-cache"),
            # The browser must not guess another type, such as a script.
            ("X-Content-Type-Options", "nosniff"),
        ]
        start_response(_STATUS[code], headers)
        return [body]

    return respond
