"""The page is one file. Its policy allows its own contents, nothing else."""

import base64
import hashlib
import html.parser
import json

import pytest

from keras_transformer.explorer import page
from tests.explorer import fake_page, sample_trace


class Reader(html.parser.HTMLParser):
    """Reads scripts, styles and the policy of a page, as a browser does."""

    def __init__(self, text):
        super().__init__(convert_charrefs=False)
        self.blocks, self.policy, self.current = {}, None, None
        self.addresses = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if attributes.get("http-equiv") == "Content-Security-Policy":
            self.policy = attributes["content"]
        self.addresses += [
            value for name, value in attrs if name in ("src", "href")
        ]
        if tag in ("script", "style"):
            self.current = attributes.get("id") or tag
            assert self.current not in self.blocks
            self.blocks[self.current] = ""

    def handle_data(self, data):
        if self.current:
            self.blocks[self.current] += data

    def handle_endtag(self, tag):
        if tag in ("script", "style"):
            self.current = None


def read(tmp_path, data, **options):
    fake_page.write(tmp_path, data, **options)
    name = "live.html" if options.get("is_live") else "recorded.html"
    return Reader((tmp_path / name).read_text(encoding="utf-8"))


def test_the_policy_names_the_hashes(tmp_path):
    reader = read(tmp_path, sample_trace.page())
    directives = dict(
        each.strip().split(" ", 1) for each in reader.policy.split(";")
    )
    assert directives["default-src"] == "'none'"
    for kind in ("script", "style"):
        digest = hashlib.sha256(reader.blocks[kind].encode("utf-8")).digest()
        expected = f"'sha256-{base64.b64encode(digest).decode()}'"
        assert directives[f"{kind}-src"] == expected
    assert "unsafe" not in reader.policy
    assert reader.addresses == ["data:,"]


@pytest.mark.parametrize(
    "token",
    [
        "</script><script>alert(1)</script>",
        "<!--<script>",
        "]]>\"'&amp;",
        "a\u2028b\u2029c",
        "\ud83d",
        "${script}",
        "\x00\x1f\x7f",
    ],
)
def test_hostile_tokens_stay_data(tmp_path, token):
    data = {
        "texts": [token],
        "targets": [None],
        "traces": [],
        "heads": None,
        "notes": [],
    }
    reader = read(tmp_path, data)
    assert set(reader.blocks) == {"page", "script", "style"}
    assert json.loads(reader.blocks["page"]) == data


def test_a_model_is_in_the_page_only_if_given(tmp_path):
    data = sample_trace.page()
    assert "model" not in read(tmp_path, data).blocks
    live = read(tmp_path, data, is_live=True)
    assert json.loads(live.blocks["model"])["search"]["kind"] == "beam"


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("main.js", 'const a = "</script>";', "</script"),
        ("main.js", 'const a = "</SCRIPT>";', "</script"),
        ("main.js", "// <!-- a", "<!--"),
        ("style.css", "/* </style> */", "</style"),
    ],
)
def test_a_script_that_would_end_itself(tmp_path, name, text, expected):
    for each in ("main.js", "style.css"):
        (tmp_path / each).write_text("", encoding="utf-8")
    (tmp_path / "index.html").write_text("${data}", encoding="utf-8")
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=expected):
        page.render({}, front_end=tmp_path)
