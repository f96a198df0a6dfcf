"""Writes the model of a run for another system.

    python -m tools.export_model --to=ctranslate2 --model=runs/mine \\
        --output_dir=models/mine --quantization=int8

The program prints the output directory. docs/interchange.md lists the systems,
and the models and settings that can be written for each of them.
"""

import dataclasses

from keras_transformer import interchange
from trainers import program
from trainers.settings_flags import setting


@dataclasses.dataclass(frozen=True)
class Export:
    """The flags: which run to read, and how and where to write its model."""

    model: str = setting("Run directory.")
    to: str = setting(
        "The system that reads the model.",
        choices=sorted(interchange.WRITERS),
    )
    output_dir: str = setting("Directory of the model.")
    quantization: str | None = setting(
        "Type of the weights. Default: float32.",
        None,
        choices=interchange.QUANTIZATIONS,
    )


@program.main(Export)
def main(settings):
    program.check_output_dir(settings.output_dir)
    interchange.WRITERS[settings.to](
        settings.model, settings.output_dir, settings.quantization
    )
    print(settings.output_dir)


if __name__ == "__main__":
    main.run()
