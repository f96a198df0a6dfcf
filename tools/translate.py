"""Translates standard input to standard output, a line for each line.

    python -m tools.translate --model=runs/demo < source.txt > target.txt

--model is a run directory or a SavedModel. With --scores each line starts
with the score (log-probability over length penalty) and a tab.
"""

import sys

import tqdm
from absl import app, flags

from keras_transformer import translation
from tools import loading

_MODEL = flags.DEFINE_string(
    "model", None, "Run directory or SavedModel.", required=True
)
_BEAM_SIZE = flags.DEFINE_integer(
    "beam_size", None, "Beam size. Default: the run's.", lower_bound=1
)
_LENGTH_PENALTY = flags.DEFINE_float(
    "length_penalty", None, "Alpha. Default: the run's.", lower_bound=0
)
_SCORES = flags.DEFINE_boolean("scores", False, "Print scores too.")
_BATCH_SIZE = flags.DEFINE_integer(
    "batch_size", 64, "Sentences translated together.", lower_bound=1
)
# Lines read before the first is answered: enough to sort them by length.
_WINDOW = 32


def main(argv):
    if len(argv) > 1:
        raise app.UsageError(f"Not a flag: {' '.join(argv[1:])}")
    try:
        translate = loading.load(
            _MODEL.value, _BEAM_SIZE.value, _LENGTH_PENALTY.value
        )
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")
    lines = (line.rstrip(b"\r\n") for line in sys.stdin.buffer)
    progress = tqdm.tqdm(lines, unit=" lines", disable=not sys.stderr.isatty())
    number = 0
    for window in _windows(progress, _WINDOW * _BATCH_SIZE.value):
        _warn_of_cuts(translate, window, number)
        number += len(window)
        for text, score in translation.in_batches(
            translate, window, _BATCH_SIZE.value
        ):
            # A translation is one line, whatever was learned.
            text = " ".join(text.splitlines())
            line = f"{score:.4f}\t{text}" if _SCORES.value else text
            sys.stdout.buffer.write(line.encode("utf-8") + b"\n")
        sys.stdout.buffer.flush()


def _warn_of_cuts(translate, window, number):
    """Names the lines that are longer than the model reads."""
    if not isinstance(translate, translation.Translator):
        return  # A SavedModel does not show its tokens.
    longest = translate.max_source_length
    lengths = translate.tokenizer.encode(window).row_lengths().numpy()
    for line, length in enumerate(lengths, start=number + 1):
        if length >= longest:
            tqdm.tqdm.write(
                f"warning: line {line} has {length} tokens, cut to "
                f"{longest - 1}. Split it into sentences.",
                file=sys.stderr,
            )


def _windows(lines, size):
    """Lists of lines; a terminal is answered line by line."""
    window = []
    for line in lines:
        window.append(line)
        if len(window) == size or sys.stdin.isatty():
            yield window
            window = []
    if window:
        yield window


if __name__ == "__main__":
    app.run(main)
