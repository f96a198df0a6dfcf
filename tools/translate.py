"""Translates the lines of standard input, and prints the translations.

    python -m tools.translate --model=runs/demo < source.txt > target.txt

--model is a run directory, a comma-separated list of run directories that
translate as an ensemble, or a SavedModel. Each line gets one line of output, or
--n_best lines. A line is translated soon after it arrives, together with other
lines that arrive at the same time. docs/translating.md describes the columns
and every flag.
"""

import dataclasses
import queue
import sys
import threading
import time
from collections.abc import Iterable, Iterator

import tqdm

from keras_transformer import data, runs, translation
from keras_transformer.translation import results
from tools.model_flags import loading, settings
from trainers import program
from trainers.settings_flags import setting

# The maximum number of batches that are translated as one group. The lines of a
# group are sorted by length, so that batches have little padding.
_WINDOW = 32
# Seconds to wait for further lines after the first line of a group. The lines
# of a file arrive within this time; lines that a person types do not.
_PATIENCE = 0.05
_NOT_YET = object()
_FORMATS = {"hard": translation.pharaoh, "soft": translation.soft_pharaoh}


@dataclasses.dataclass(frozen=True)
class Output(settings.BatchSettings):
    """The flags for printing, for repairing translations and for batches.

    Raises:
        ValueError: the batch size is below 1, or `confidence` is given with
            `n_best` above 1.
    """

    # The flag --n_best of `SearchSettings` also sets this field.
    n_best: int | None = None
    scores: bool = setting("Print scores first.", False)
    alignments: str = setting(
        "Print alignments last.", "none", choices=["none", "hard", "soft"]
    )
    confidence: bool = setting(
        "Print first how sure the translation and each of its words are, and "
        "what is wrong with it.",
        False,
    )
    repair: bool = setting(
        "Search again where a translation repeats itself or is far too long or "
        "short.",
        False,
    )

    def __post_init__(self):
        super().__post_init__()
        if self.confidence and (self.n_best or 1) > 1:
            raise ValueError(
                "--confidence is for the best translation of a line. Received: "
                f"--n_best={self.n_best}. Leave it out."
            )


@dataclasses.dataclass(frozen=True)
class Input:
    """The flag of an input file, which is read besides standard input."""

    prefix_file: str | None = setting(
        "File of the beginning of each translation, line by line.", None
    )


@program.main(settings.ModelSettings, settings.SearchSettings, Input, Output)
def main(models, search, inputs, output):
    program.check_input()
    prefixes = read_prefixes(inputs.prefix_file)
    check_columns(models.model, output, prefixes)
    calibration = read_calibration(models.model, output)
    translator = loading.load(models, search)
    if output.repair:
        translator = translation.RepairingTranslator(
            translator, calibration.lengths
        )
    # The object `sys.stdin` is not used: a thread that waits for its input
    # holds its lock, and Python takes this lock when it exits.
    stdin = open(sys.stdin.fileno(), "rb", closefd=False)
    source = data.read_lines(stdin, "standard input", errors="replace")
    for lines in translate_lines(
        translator, source, output, prefixes, calibration
    ):
        sys.stdout.buffer.writelines(lines)
        sys.stdout.buffer.flush()


def translate_lines(
    translator,
    source: Iterable[str],
    output: Output,
    prefixes: list[str] | None = None,
    calibration: translation.Calibration | None = None,
) -> Iterator[list[bytes]]:
    """Yields the output lines for each group of lines that arrived together.

    Args:
        translator: a `Translator` or a `ServedModel`.
        source: the lines, without their line ends.
        output: the columns to print.
        prefixes: the prefix of each line's translation; `None` for no prefixes.
        calibration: the calibration of the translator; it is needed if
            `output.confidence` is true.

    Raises:
        ValueError: a prefix is too long; or the numbers of prefixes and lines
            differ, which is checked after the last line. The output of earlier
            groups is yielded first.
    """
    settings = {"align": True} if output.alignments != "none" else {}
    number = 0
    progress = tqdm.tqdm(unit=" lines", disable=not sys.stderr.isatty())
    for window in arriving(source, _WINDOW * output.batch_size):
        start, number = number, number + len(window)
        if prefixes is not None:
            settings["prefixes"] = prefixes[start:number]
            # If there are fewer prefixes than lines, the lines without a prefix
            # are not translated. `number` counts these lines too, because the
            # error after the loop names the number of all lines.
            window = window[: len(settings["prefixes"])]
        warn_of_cuts(translator, window, start)
        answers = translator.hypotheses(window, output.batch_size, **settings)
        assessments = [None] * len(answers)
        if output.confidence:
            assessments = translation.assess(
                translator,
                calibration,
                window,
                [results.best_of(hypotheses) for hypotheses in answers],
            )
        yield [
            line
            for hypotheses, assessed in zip(answers, assessments, strict=True)
            for line in format_lines(hypotheses, output, assessed)
        ]
        progress.update(len(window))
    if prefixes is not None and number != len(prefixes):
        raise ValueError(
            "Every line of the input needs its line of --prefix_file. "
            f"Received: {number} lines, {len(prefixes)} prefixes."
        )


def arriving(source: Iterable[str], size: int) -> Iterator[list[str]]:
    """Yields lists of at most `size` lines, soon after the lines arrive.

    Args:
        source: the lines. A thread reads them, and waits until they arrive.
        size: the maximum number of lines of a list.

    Raises:
        Exception: `source` raised this error. The lines that arrived before
            the error are yielded first.
    """
    lines = queue.Queue(2 * size)

    def read():
        try:
            for line in source:
                lines.put(line)
            lines.put(None)
        except Exception as error:
            # `arriving` gets the error from the queue and raises it.
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
        # `_NOT_YET` means that all lines that arrived have been yielded. So
        # `lines.get` waits for the next line as long as necessary.
        line = lines.get() if line is _NOT_YET else line
    if line is not None:
        raise line


def _next(lines, until):
    try:
        return lines.get(timeout=max(until - time.monotonic(), 0))
    except queue.Empty:
        return _NOT_YET


def format_lines(
    hypotheses: list[translation.Hypothesis],
    output: Output,
    assessed: translation.Assessment | None = None,
) -> list[bytes]:
    """Formats the hypotheses of an input line as lines of UTF-8.

    There are exactly `output.n_best` lines; `None` means one line. If there are
    fewer hypotheses, the last lines have an empty translation, and a score of
    -inf.

    Args:
        hypotheses: the hypotheses of the line, best first.
        output: the columns to print.
        assessed: the assessment of the best hypothesis; `None` for no columns
            of `format_assessment`.
    """
    lines = []
    for n in range(output.n_best or 1):
        has_text = n < len(hypotheses)
        text, score = ("", float("-inf"))
        if has_text:
            text, score = hypotheses[n][:2]
        # A model may write line breaks, but a translation is one line.
        columns = [" ".join(text.splitlines())]
        if output.scores:
            columns.insert(0, f"{score:.4f}")
        if assessed is not None:
            columns[:0] = format_assessment(assessed)
        if output.alignments != "none":
            aligned = hypotheses[n].alignment if has_text else ()
            columns.append(_FORMATS[output.alignments](aligned))
        lines.append("\t".join(columns).encode("utf-8") + b"\n")
    return lines


def format_assessment(assessed: translation.Assessment) -> list[str]:
    """Returns three columns: confidence, confidences of words, and defects.

    The column of defects is "-" if there are none.

    Example:

    >>> format_assessment(
    ...     translation.Assessment(0.75, ["un"], [0.5], True, False))
    ['0.750', '0.500', 'loop']
    """
    defects = [
        name
        for name, has in (
            ("loop", assessed.has_loop),
            ("length", assessed.has_unusual_length),
        )
        if has
    ]
    return [
        f"{assessed.confidence:.3f}",
        " ".join(f"{p:.3f}" for p in assessed.word_confidences),
        ",".join(defects) or "-",
    ]


def read_calibration(
    models: list[str], output: Output
) -> translation.Calibration | None:
    """Reads the calibration of the first run in `models`, if a flag needs it.

    `tools.calibrate` has written the calibration into the run's directory.

    Args:
        models: run directories or SavedModels.
        output: the flags; `confidence` and `repair` need a calibration.

    Returns:
        The calibration; `None` if no flag needs it.

    Raises:
        ValueError: a calibration is needed, but the run has none or a damaged
            one, or a model is a SavedModel.
    """
    if not (output.confidence or output.repair):
        return None
    if any(map(loading.is_saved_model, models)):
        raise ValueError(
            f"{','.join(models)}: --confidence and --repair are for run "
            "directories. Call the signature confidence of the SavedModel, or "
            "give the run."
        )
    calibration = runs.read_calibration(models[0])
    if calibration is None:
        raise ValueError(
            f"{models[0]} has no calibration, which --confidence and --repair "
            "need. Run tools.calibrate with a development set first."
        )
    return calibration


def read_prefixes(path: str | None) -> list[str] | None:
    """Returns the lines of a file; `None` if `path` is `None`."""
    return None if path is None else list(data.read_lines(path))


def warn_of_cuts(translator, window, number):
    """Prints a warning for each line that is too long for the model.

    Prints nothing for a SavedModel.

    Args:
        translator: a `Translator` or a `ServedModel`.
        window: the lines.
        number: the number of lines of the input before these lines.
    """
    if not isinstance(translator, translation.Translator) or not window:
        return  # The tokenizer of a SavedModel cannot be called.
    around = translator.tokenizer.special_ids.around_source()
    longest = translator.max_source_length - len(around)
    ids = translator.tokenizer.encode_source(window)
    lengths = ids.row_lengths().numpy()
    for line, length in enumerate(lengths, start=number + 1):
        if length > longest:
            tqdm.tqdm.write(
                f"warning: line {line} has {length} tokens, cut to "
                f"{longest}. Split it into sentences.",
                file=sys.stderr,
            )


def check_columns(models, output: Output, prefixes) -> None:
    """Raises ValueError for prefixes or alignments with a SavedModel.

    Args:
        models: run directories or SavedModels.
        output: the columns to print.
        prefixes: the prefixes; `None` for no prefixes.
    """
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
