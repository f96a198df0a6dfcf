"""Makes tables in Markdown for TensorBoard's tab Text."""

from collections.abc import Iterable, Sequence


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Returns a table in Markdown.

    Args:
        header: the names of the columns, in Markdown.
        rows: the cells of each row. Characters of a cell that have a meaning in
            Markdown or HTML are escaped. White space, such as a new line,
            becomes one space, and is left out at both ends of a cell.

    Example:

    >>> print(table(["source", "score"], [("a|b", 0.5)]))
    | source | score |
    | --- | --- |
    | a\\|b | 0.5 |
    """
    lines = [header, ["---"] * len(header)]
    lines += [[_escape(str(cell)) for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _escape(text):
    """Makes a text one line, and escapes it for Markdown and HTML."""
    text = " ".join(text.split())
    for special in "\\`*_[]|":
        text = text.replace(special, "\\" + special)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
