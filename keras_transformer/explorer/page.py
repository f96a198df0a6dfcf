"""Makes the HTML of the explorer's page, with its style, script and data.

The page needs no network and no server. The content security policy of the page
allows only the style and the script whose hashes are in the policy, and images
that the page itself makes.
"""

import base64
import hashlib
import json
import pathlib
import re
import string
from typing import Any

from keras_transformer.explorer import bundle

FRONT_END = pathlib.Path(__file__).parent / "front_end"
# Characters that are escaped in JSON. "<" could close the script element or
# begin a comment. U+2028 and U+2029 would end a line if the JSON were read as
# JavaScript. UTF-8 cannot encode halves of surrogate pairs. JSON has these
# characters only in strings, where escapes are allowed.
_UNSAFE = re.compile("[<\u2028\u2029\ud800-\udfff]")


def render(
    page: dict[str, Any],
    model: dict[str, Any] | None = None,
    front_end: pathlib.Path = FRONT_END,
) -> str:
    """Returns the HTML of the explorer.

    Args:
        page: a dict of `texts`, `targets`, `traces`, `heads` and `notes`, see
            `front_end/main.js`.
        model: the model that the page computes with, see `embedded_model`;
            `None` for a page that only shows the traces of `page`.
        front_end: the folder of the page's markup, style and modules.

    Raises:
        ValueError: a module cannot be bundled; the style or the script
            contains its own end tag or `<!--`; or a number in the data is NaN
            or infinite.
    """
    style = (front_end / "style.css").read_text(encoding="utf-8")
    script = bundle.bundle(front_end / "main.js")
    _check_inline(style, "style")
    _check_inline(script, "script")
    blocks = {"page": page} if model is None else {"page": page, "model": model}
    template = (front_end / "index.html").read_text(encoding="utf-8")
    return string.Template(template).substitute(
        policy=policy(style, script),
        style=style,
        script=script,
        data="\n".join(data_block(name, each) for name, each in blocks.items()),
    )


def policy(style: str, script: str) -> str:
    """Returns the content security policy for a page's style and script."""
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {_hash(script)}",
            f"style-src {_hash(style)}",
            # To save a figure as PNG, the page first loads the figure as an
            # image from a `data:` address.
            "img-src data: blob:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def data_block(name: str, value: Any) -> str:
    """Returns a script element that contains a value as JSON.

    No string in the value can close the element.

    Args:
        name: the id of the element.
        value: a value that `json.dumps` can write.

    Raises:
        ValueError: a number is NaN or infinite.

    Example:

    >>> print(data_block("page", ["</script>"]))
    <script type="application/json" id="page">["\\u003c/script>"]</script>
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    text = _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
    return f'<script type="application/json" id="{name}">{text}</script>'


def _hash(text):
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _check_inline(text, kind):
    """Checks that a browser reads a style or script completely and unchanged.

    An end tag would end the style or script too early, and `<!--` can begin a
    comment. A browser replaces carriage returns before it computes the hash of
    the text. So with a carriage return, the browser's hash would differ from
    the hash in the result of `policy`.
    """
    for forbidden in (f"</{kind}", "<!--", "\r"):
        if forbidden in text.lower():
            raise ValueError(
                f"The {kind} of the page must not contain what ends or changes "
                f"it in HTML. Received: {forbidden!r}. Split the string that "
                "has it, and join the parts in the code."
            )
