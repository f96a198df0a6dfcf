"""Translates a test set and prints its scores as JSON.

    python -m tools.evaluate --model=runs/mine \\
        --source=test.en --reference=test.de

BLEU and chrF are sacreBLEU's, with their signatures.
"""

import json
import sys

from absl import app, flags

from keras_transformer import data, translation
from tools import loading

_MODEL = flags.DEFINE_string(
    "model", None, "Run directory or SavedModel.", required=True
)
_SOURCE = flags.DEFINE_list(
    "source", None, "Source files or globs, also .gz.", required=True
)
_REFERENCE = flags.DEFINE_list(
    "reference", None, "Their translations, line by line.", required=True
)
_BEAM_SIZE = flags.DEFINE_integer(
    "beam_size", None, "Beam size. Default: the run's.", lower_bound=1
)
_LENGTH_PENALTY = flags.DEFINE_float(
    "length_penalty", None, "Alpha. Default: the run's.", lower_bound=0
)
_LOWERCASE = flags.DEFINE_boolean("lowercase", False, "Ignore case.")
_TOKENIZE = flags.DEFINE_string(
    "tokenize", "13a", "Tokenization of sacreBLEU, such as none or 13a."
)


def main(argv):
    if len(argv) > 1:
        raise app.UsageError(f"Not a flag: {' '.join(argv[1:])}")
    try:
        pairs = data.read_parallel(_SOURCE.value, _REFERENCE.value)
        translate = loading.load(
            _MODEL.value, _BEAM_SIZE.value, _LENGTH_PENALTY.value
        )
        answers = translation.in_batches(
            translate, [pair.source for pair in pairs]
        )
        scores = translation.score_translations(
            [text for text, _ in answers],
            [pair.target for pair in pairs],
            lowercase=_LOWERCASE.value,
            tokenize=_TOKENIZE.value,
        )
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")
    print(json.dumps({"sentences": len(pairs), **scores}, indent=2))


if __name__ == "__main__":
    app.run(main)
