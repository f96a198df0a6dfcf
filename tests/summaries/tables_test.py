"""Cells of a table show texts unchanged."""

from keras_transformer import summaries


def test_markdown_and_html_are_escaped():
    table = summaries.table(["a"], [["x|*_`[]\\ <b>&"], [5]])
    assert table.splitlines() == [
        "| a |",
        "| --- |",
        r"| x\|\*\_\`\[\]\\ &lt;b&gt;&amp; |",
        "| 5 |",
    ]


def test_a_cell_is_one_line():
    assert summaries.table(["a"], [["x\n y"]]).endswith("\n| x y |")
