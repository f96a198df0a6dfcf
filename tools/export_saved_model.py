"""Exports the model of a run as a SavedModel for TensorFlow Serving.

    python -m tools.export_saved_model --model=runs/mine \\
        --output_dir=models/mine

writes models/mine/1, or the next free number, and prints the path.
"""

import pathlib

from absl import app, flags

from keras_transformer import export, translation
from trainers import program

_MODEL = flags.DEFINE_string("model", None, "Run directory.", required=True)
_OUTPUT_DIR = flags.DEFINE_string(
    "output_dir", None, "Directory of the versions.", required=True
)
_BEAM_SIZE = flags.DEFINE_integer(
    "beam_size", None, "Beam size. Default: the run's.", lower_bound=1
)
_LENGTH_PENALTY = flags.DEFINE_float(
    "length_penalty", None, "Alpha. Default: the run's.", lower_bound=0
)
_N_BEST = flags.DEFINE_integer(
    "n_best",
    None,
    "Translations that the signature n_best gives. Default: the beam size.",
    lower_bound=1,
)
_MAX_SOURCE_LENGTH = flags.DEFINE_integer(
    "max_source_length",
    512,
    "Longer sources are cut to that many tokens.",
    lower_bound=2,
)


@program.main
def main():
    program.check_output_dir(_OUTPUT_DIR.value)
    beam = translation.run_search(
        _MODEL.value,
        beam_size=_BEAM_SIZE.value,
        alpha=_LENGTH_PENALTY.value,
    )
    translator = translation.load_translator(
        _MODEL.value, beam, _MAX_SOURCE_LENGTH.value
    )
    directory = _next_version(pathlib.Path(_OUTPUT_DIR.value))
    export.save(translator, directory, _N_BEST.value)
    print(directory)


def _next_version(parent):
    """TensorFlow Serving serves the directory with the largest number."""
    versions = [
        int(path.name)
        for path in (parent.iterdir() if parent.is_dir() else ())
        if path.name.isdigit()
    ]
    return parent / str(max(versions, default=0) + 1)


if __name__ == "__main__":
    app.run(main)
