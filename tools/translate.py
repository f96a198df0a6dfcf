"""Translates standard input to standard output, a line for each line.

    python -m tools.translate --model=runs/demo < source.txt > target.txt

--model is a run directory, several with commas between them, which translate
together, or a SavedModel. A line is answered as soon as it is there, and what
arrives together is translated together. docs/translating.md describes the
columns and every flag.
"""

import dataclasses
import queue
import sys
import threading
import time
from collections.abc import Iterable, Iterator

import tqdm

from keras_transformer import data, translation
from tools.model_flags import loading, settings
from trainers import program
from trainers.settings_flags import setting

# Batches that are read before the first is answered, if they are there: enough
# to sort lines by length.
_WINDOW = 32
# How long to wait for more lines, in seconds: reading is faster, people are
# slower.
_PATIENCE = 0.05
_NOT_YET = object()
_FORMATS = {"hard": translation.pharaoh, "soft": translation.soft_pharaoh}


@dataclasses.dataclass(frozen=True)
class Output(settings.BatchSettings):
    """What is printed for each line."""

    # Read from the flag of the search.
    n_best: int | None = None
    scores: bool = setting("Print scores first.", False)
    alignments: str = setting(
        "Print alignments last.", "none", choices=["none", "hard", "soft"]
    )


@dataclasses.dataclass(frozen=True)
class Input:
    """What is read beside the lines."""

    prefix_file: str | None = setting(
        "What each translation begins with, line by line.", None
    )


@program.main(settings.ModelSettings, settings.SearchSettings, Input, Output)
def main(models, search, given, output):
    program.check_input()
    prefixes = read_prefixes(given.prefix_file)
    check_columns(models.model, output, prefixes)
    translator = loading.load(models, search)
    # Not sys.stdin: Python waits for its lock before it can end.
    stdin = open(sys.stdin.fileno(), "rb", closefd=False)
    source = data.read_lines(stdin, "standard input", errors="replace")
    for lines in translate_lines(translator, source, output, prefixes):
        sys.stdout.buffer.writelines(lines)
        sys.stdout.buffer.flush()


def translate_lines(
    translator,
    source: Iterable[str],
    output: Output,
    prefixes: list[str] | None = None,
) -> Iterator[list[bytes]]:
    """Yields the output for lines that arrived together, in their order.

    Args:
        translator: a `Translator` or a `ServedModel`.
        source: the lines, without their ends.
        output: what to print for each.
        prefixes: one for each line, or `None`.

    Raises:
        ValueError: another number of prefixes than of lines, or one that is
            too long, after what was translated before.
    """
    more = {"align": True} if output.alignments != "none" else {}
    number = 0
    progress = tqdm.tqdm(unit=" lines", disable=not sys.stderr.isatty())
    for window in arriving(source, _WINDOW * output.batch_size):
        start, number = number, number + len(window)
        if prefixes is not None:
            more["prefixes"] = prefixes[start:number]
            # Lines without a prefix are only counted.
            window = window[: len(more["prefixes"])]
        warn_of_cuts(translator, window, start)
        yield [
            line
            for found in translator.hypotheses(
                window, output.batch_size, **more
            )
            for line in format_lines(found, output)
        ]
        progress.update(len(window))
    if prefixes is not None and number != len(prefixes):
        raise ValueError(
            "Every line of the input needs its line of --prefix_file. "
            f"Received: {number} lines, {len(prefixes)} prefixes."
        )


def arriving(source: Iterable[str], size: int) -> Iterator[list[str]]:
    """Yields lists of lines, at most `size`, soon after they arrive.

    Raises:
        Exception: the source's own, after the lines before it.
    """
    lines = queue.Queue(2 * size)

    def read():
        try:
            for line in source:
                lines.put(line)
            lines.put(None)
        except Exception as error:  # Whatever it is, nobody shall wait.
            lines.put(error)

    threading.Thread(target=read, daemon=True).start()
    line = lines.get()
    while isinstance(line, str):
        window, until = [line], time.monotonic() + _PATIENCE
        line = _next(lines, until)
        while isinstance(line, str) and len(window) < size:
            window.append(line)
            line = _next(lines, until)
        yield window
        # Now there is time to wait.
        line = lines.get() if line is _NOT_YET else line
    if line is not None:
        raise line


def _next(lines, until):
    try:
        return lines.get(timeout=max(until - time.monotonic(), 0))
    except queue.Empty:
        return _NOT_YET


def format_lines(
    hypotheses: list[translation.Hypothesis], output: Output
) -> list[bytes]:
    """Exactly `n_best` lines for the hypotheses of one line.

    Where there are fewer, the lines left are empty, with a score of -inf.
    """
    lines = []
    for n in range(output.n_best or 1):
        is_there = n < len(hypotheses)
        text, score = ("", float("-inf"))
        if is_there:
            text, score = hypotheses[n][:2]
        # A translation is one line, whatever was learned.
        columns = [" ".join(text.splitlines())]
        if output.scores:
            columns.insert(0, f"{score:.4f}")
        if output.alignments != "none":
            aligned = hypotheses[n].alignment if is_there else ()
            columns.append(_FORMATS[output.alignments](aligned))
        lines.append("\t".join(columns).encode("utf-8") + b"\n")
    return lines


def read_prefixes(path: str | None) -> list[str] | None:
    """The lines of a file; `None` for no file."""
    return None if path is None else list(data.read_lines(path))


def warn_of_cuts(translator, window, number):
    """Names the lines that are longer than the model reads."""
    if not isinstance(translator, translation.Translator) or not window:
        return  # A SavedModel does not show its tokens.
    longest = translator.max_source_length
    ids = translator.tokenizer.encode_source(window)
    lengths = ids.row_lengths().numpy()
    for line, length in enumerate(lengths, start=number + 1):
        if length >= longest:
            tqdm.tqdm.write(
                f"warning: line {line} has {length} tokens, cut to "
                f"{longest - 1}. Split it into sentences.",
                file=sys.stderr,
            )


def check_columns(models, output: Output, prefixes) -> None:
    """Raises ValueError for what a SavedModel does not do."""
    if any(map(loading.is_saved_model, models)) and (
        prefixes is not None or output.alignments != "none"
    ):
        raise ValueError(
            f"{','.join(models)}: a SavedModel takes no prefixes and aligns no "
            "words. Leave out --prefix_file and --alignments, or give run "
            "directories."
        )


if __name__ == "__main__":
    main.run()
