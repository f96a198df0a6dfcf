"""Turns a model of another system into a run directory.

    python -m tools.import_model --from=ctranslate2 models/theirs \\
        --output_dir=runs/theirs

Other tools can then use the directory like the directory of any run. The
program prints the number of parameters. docs/interchange.md lists the systems,
and the models of each system that can be imported.
"""

import dataclasses

from keras_transformer import interchange
from trainers import program
from trainers.settings_flags import argument, setting


@dataclasses.dataclass(frozen=True)
class Import:
    """The flags of the model to import, and of the run that it becomes."""

    path: str = argument("the directory of the model to import")
    system: str = setting(
        "The system that the model comes from.",
        choices=sorted(interchange.READERS),
        flag="from",
    )
    output_dir: str = setting("Directory of the run.")
    source_language: str | None = setting(
        "The language of the sources, for a multilingual model, such as en.",
        None,
    )
    target_language: str | None = setting(
        "The language of the targets, for a multilingual model, such as fr.",
        None,
    )
    target_space: int | None = setting(
        "The target_space_id of the problem, for a model of Tensor2Tensor. "
        "Default: 0.",
        None,
        least=0,
    )


@program.main(Import)
def main(settings):
    # The output directory is checked first, because reading a model takes time.
    program.check_output_dir(settings.output_dir)
    interchange.check_free(settings.output_dir)
    options = {
        name: getattr(settings, name)
        for name in ("source_language", "target_language", "target_space")
        if getattr(settings, name) is not None
    }
    known = interchange.OPTIONS.get(settings.system, ())
    for name in options:
        if name not in known:
            raise ValueError(
                f"--{name} is for other systems. Received: --{name} with "
                f"--from={settings.system}. Leave out --{name}."
            )
    imported = interchange.READERS[settings.system](settings.path, **options)
    interchange.write_run(imported, settings.output_dir)
    parameters = sum(weights.size for weights in imported.weights.values())
    print(f"{settings.output_dir}: {parameters:,} parameters")


if __name__ == "__main__":
    main.run()
