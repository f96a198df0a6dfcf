"""Results of requests become responses of the right type."""

from keras_transformer.explorer.tab import answers


def call(answer, query=""):
    started = []
    application = answers.application(answer)
    body = application(
        {"QUERY_STRING": query}, lambda *arguments: started.append(arguments)
    )
    ((status, headers),) = started
    return status, dict(headers), b"".join(body)


def test_the_parameters_of_a_request():
    status, headers, body = call(
        lambda query, environ: answers.of_json(query), "run=a%2Fb&tag=%3Cx%3E"
    )
    assert status == "200 OK"
    assert body == b'{"run": "a/b", "tag": "<x>"}'
    assert headers["Content-Type"] == "application/json"
    assert headers["Content-Length"] == str(len(body))
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_what_is_not_there():
    status, _, _ = call(lambda query, environ: answers.of_json({}, code=404))
    assert status == "404 Not Found"


def test_another_type():
    answer = answers.Answer(b"x", "text/css")
    _, headers, body = call(lambda query, environ: answer)
    assert (headers["Content-Type"], body) == ("text/css", b"x")
