"""Exports the model of a run as a SavedModel for TensorFlow Serving.

    python -m tools.export_saved_model --model=runs/mine \\
        --output_dir=models/mine

It writes models/mine/1, or the next free number, and prints the path.
"""

import dataclasses
import pathlib

from keras_transformer import export, runs
from trainers import program
from trainers.settings_flags import setting


@dataclasses.dataclass(frozen=True)
class Export:
    """The flags of the run to export, and of its search."""

    model: str = setting("Run directory.")
    output_dir: str = setting("Directory of the versions.")
    beam_size: int | None = setting(
        "Beam size. Default: the run's.", None, least=1
    )
    length_penalty: float | None = setting(
        "Alpha. Default: the run's.", None, least=0
    )
    n_best: int | None = setting(
        "Translations that the signature n_best gives. Default: the beam size.",
        None,
        least=1,
    )
    max_source_length: int = setting(
        "Longer sources are cut to that many tokens.", 512, least=2
    )


@program.main(Export)
def main(settings):
    program.check_output_dir(settings.output_dir)
    beam = runs.run_search(
        settings.model,
        beam_size=settings.beam_size,
        alpha=settings.length_penalty,
    )
    translator = runs.load_translator(
        settings.model, beam, settings.max_source_length
    )
    directory = _next_version(pathlib.Path(settings.output_dir))
    export.save(translator, directory, settings.n_best)
    print(directory)


def _next_version(parent):
    """Returns the directory of the next version.

    TensorFlow Serving serves the directory with the largest number.
    """
    versions = [
        int(path.name)
        for path in (parent.iterdir() if parent.is_dir() else ())
        if path.name.isdigit()
    ]
    return parent / str(max(versions, default=0) + 1)


if __name__ == "__main__":
    main.run()
