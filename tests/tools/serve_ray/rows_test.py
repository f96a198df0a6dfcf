"""Requests in the row format are read, and wrong ones get one clear answer."""

import base64
import json

import pytest

from tests.tools.serve_ray import malformed
from tools.serve_ray import rows

INPUTS = {"serving_default": ["text"], "score": ["text", "target"]}
LIMITS = rows.Limits(instances=5, text_bytes=23)


def read(request, limits=LIMITS):
    body = request if isinstance(request, bytes) else json.dumps(request)
    body = body if isinstance(body, bytes) else body.encode()
    return rows.read_call(body, INPUTS, limits)


def refused(request):
    with pytest.raises(rows.RefusedError) as error:
        read(request)
    return error.value.status, str(error.value)


def b64(content):
    return {"b64": base64.b64encode(content).decode()}


class TestReadCall:
    def test_texts(self):
        call = read({"instances": ["ba de", "", "caf\u00e9"]})
        assert call.signature == "serving_default"
        assert call.inputs == {"text": [b"ba de", b"", b"caf\xc3\xa9"]}
        assert call.rows == 3

    def test_objects_and_bytes(self):
        call = read(
            {
                "signature_name": "score",
                "instances": [
                    {"text": "a", "target": b64(b"\xff")},
                    {"target": "b", "text": b64(b"")},
                ],
            }
        )
        assert call == (
            "score",
            {"text": [b"a", b""], "target": [b"\xff", b"b"]},
        )
        call = read({"instances": [b64(b"\x00"), {"text": "c"}]})
        assert call.inputs == {"text": [b"\x00", b"c"]}

    def test_other_keys_are_left_out(self):
        # TensorFlow Serving ignores other keys too.
        assert read({"instances": ["a"], "more": 1}).rows == 1

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            (b"", "not JSON in UTF-8: Expecting value"),
            (b"{", "not JSON in UTF-8: Expecting property name"),
            (b"\xff\xfe", "not JSON in UTF-8: 'utf-8' codec can't decode"),
            (b"[" * 100_000, "not JSON in UTF-8: "),
            (b'["a"]', "is a list. Expected an object with instances"),
            (b"null", "is null. Expected an object"),
            (b"{}", "has nothing. Expected instances, the row format"),
            (b'{"inputs": ["a"]}', "has inputs. Expected instances"),
            (
                b'{"inputs": ["a"], "instances": ["a"]}',
                "has inputs, instances. Expected instances",
            ),
            (b'{"instances": "a"}', "instances is a string. Expected a list"),
            (b'{"instances": []}', "instances is an empty list. Expected"),
            (b'{"instances": [1]}', "instances[0] is a number. Expected an"),
            (
                b'{"instances": ["a", true]}',
                "instances[1] is a boolean. Expected an object with text, or a",
            ),
            (b'{"instances": [["a"]]}', "instances[0] is a list. Expected"),
            (b'{"instances": [null]}', "instances[0] is null. Expected"),
            (b'{"instances": [{}]}', "instances[0] has nothing. Expected text"),
            (
                b'{"instances": [{"text": "a", "target": "b"}]}',
                "instances[0] has target, text. Expected text.",
            ),
            (
                b'{"instances": [{"text": 7}]}',
                "instances[0].text is a number. Expected a string, or an",
            ),
            (
                b'{"instances": [{"b64": "*"}]}',
                "instances[0] is not a text: ",
            ),
            (
                b'{"instances": [{"b64": 7}]}',
                "instances[0] is an object. Expected a string, or an object",
            ),
            (b'{"instances": ["\\ud800"]}', "instances[0] is not a text: "),
            (
                b'{"signature_name": 1, "instances": ["a"]}',
                "signature_name is a number. Expected a string",
            ),
            (
                b'{"signature_name": "n_best", "instances": ["a"]}',
                "no signature 'n_best'. Expected one of serving_default, score",
            ),
            (
                b'{"signature_name": "score", "instances": ["a"]}',
                "instances[0] is a string. Expected an object with text and "
                "target.",
            ),
        ],
    )
    def test_what_is_malformed(self, body, message):
        status, received = refused(body)
        assert status == 400
        assert message in received

    def test_what_is_too_large(self):
        assert read({"instances": ["a"] * 5}).rows == 5
        status, message = refused({"instances": ["a"] * 6})
        assert status == 413
        assert message == (
            "The request has 6 instances. Expected at most 5. Send several "
            "requests."
        )
        assert read({"instances": ["x" * 23]}).rows == 1
        # The limit is in bytes: this character has two.
        status, message = refused({"instances": ["a", "\u00e9" * 12]})
        assert status == 413
        assert message == (
            "instances[1] has 24 bytes. Expected at most 23. Split it into "
            "sentences."
        )

    def test_largest_body_holds_what_is_allowed(self):
        text = "\u0001" * 23
        request = {
            "signature_name": "score",
            "instances": [{"text": text, "target": text}] * 5,
        }
        body = json.dumps(request).encode()
        assert read(body).rows == 5
        assert LIMITS.body_bytes / 2 < len(body) <= LIMITS.body_bytes

    def test_a_thousand_malformed_requests(self):
        inputs = {"serving_default": ["text"], "n_best": ["text"]}
        requests = malformed.requests(1000, LIMITS, list(inputs))
        assert len({body for body, _, _ in requests}) > 300
        for body, status, message in requests:
            with pytest.raises(rows.RefusedError) as error:
                rows.read_call(body, inputs, LIMITS)
            assert error.value.status == status, body
            assert message in str(error.value), body


class TestActionOf:
    @pytest.mark.parametrize(
        ("method", "path", "action"),
        [
            ("GET", "/v1/models/toy", "status"),
            ("GET", "/v1/models/toy/versions/7", "status"),
            ("GET", "/v1/models/toy/metadata", "metadata"),
            ("GET", "/v1/models/toy/versions/7/metadata", "metadata"),
            ("POST", "/v1/models/toy:predict", "predict"),
            ("POST", "/v1/models/toy/versions/7:predict", "predict"),
        ],
    )
    def test_paths(self, method, path, action):
        assert rows.action_of(method, path, "toy", "7") == action

    @pytest.mark.parametrize(
        ("method", "path", "status", "message"),
        [
            ("GET", "/", 404, "There is no path /. Expected /v1/models/toy"),
            ("POST", "/v1/models/toy:classify", 404, "There is no path "),
            ("GET", "/v1/models/toy/", 404, "There is no path "),
            ("GET", "/v1/models/toys", 404, "There is no model toys. This "),
            (
                "POST",
                "/v1/models/toy/versions/8:predict",
                404,
                "There is no model toy 8. This server has the model toy, "
                "version 7.",
            ),
            (
                "GET",
                "/v1/models/toy:predict",
                405,
                "/v1/models/toy:predict does not take GET. Expected POST.",
            ),
            ("DELETE", "/v1/models/toy", 405, "does not take DELETE. Exp"),
        ],
    )
    def test_others_are_refused(self, method, path, status, message):
        with pytest.raises(rows.RefusedError) as error:
            rows.action_of(method, path, "toy", "7")
        assert error.value.status == status
        assert message in str(error.value)
