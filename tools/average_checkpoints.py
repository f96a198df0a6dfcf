"""Averages chosen checkpoints of a run, and writes a new run directory.

    python -m tools.average_checkpoints --model=runs/mine \\
        --output_dir=runs/mine_best --select_by=bleu --count=5

A run keeps its last checkpoints. If the trainer had a score as --select_by, the
run keeps its best checkpoints and the last one. Only these can be averaged. The
scores of the evaluations are in `evaluations.json` of the run.
"""

import dataclasses
import json
import shutil

import keras_transformer as kt
from trainers import evaluations, program
from trainers.settings_flags import setting


@dataclasses.dataclass(frozen=True)
class Averaging:
    """The flags for the two run directories and the averaged checkpoints."""

    model: str = setting("Directory of the run.")
    output_dir: str = setting("Directory of the new run, which is made.")
    count: int = setting("Number of checkpoints.", 5, least=1)
    select_by: str = setting(
        "Which checkpoints: the last ones, or those with the best scores.",
        "last",
        choices=list(evaluations.CRITERIA),
    )
    steps: list[str] = setting(
        "Steps of the checkpoints, instead of --count and --select_by.", []
    )


@program.main(Averaging)
def main(averaging):
    program.show_log()
    source = kt.runs.RunDirectory(averaging.model)
    target = kt.runs.RunDirectory(averaging.output_dir)
    program.check_output_dir(target.path)
    if target.path.resolve() == source.path.resolve() or target.is_started:
        raise ValueError(
            f"{target.path} holds a run. Received: --output_dir="
            f"{averaging.output_dir}. Give a new directory."
        )
    config = source.read_config()
    if not config:
        raise FileNotFoundError(
            f"{source.path} is not the directory of a run: there is no "
            f"{source.config.name}. Give the trainer's --output_dir."
        )
    model, steps = average(source, config, averaging)
    # `write_config` comes first, because it makes the directory.
    target.write_config({k: v for k, v in config.items() if k != "versions"})
    for path in (source.tokenizer, source.target_tokenizer):
        if path.exists():
            shutil.copyfile(path, target.path / path.name)
    target.replace_model(model.save)
    print(json.dumps({"averaged_steps": steps}))


def average(
    source: kt.runs.RunDirectory, config: dict, averaging: Averaging
) -> tuple[kt.Transformer, list[int]]:
    """Builds the model of a run with the mean weights of several checkpoints.

    Args:
        source: the directory of the run.
        config: the content of the `config.json` of the run.
        averaging: the flags.

    Returns:
        The model, and the steps of the averaged checkpoints, ascending. Missing
        and damaged checkpoints are left out.

    Raises:
        ValueError: all chosen checkpoints are missing or damaged, the file of
            the scores is damaged, a checkpoint belongs to another model, or a
            value of `--steps` is not a number.
    """
    architecture = kt.TransformerConfig(**config["architecture"])
    model = kt.build_transformer(architecture, dtype="float32")
    model.compile("sgd", kt.training.SmoothedCrossEntropy())
    checkpoints = kt.training.TrainingCheckpoints(
        source.checkpoints,
        model,
        max_to_keep=averaging.count,
        # This process must not change the directory of the run.
        is_writer=False,
    )
    steps = None
    if averaging.steps:
        if not all(map(str.isdecimal, averaging.steps)):
            raise ValueError(
                "--steps are numbers of steps, such as 500,1000. Received: "
                f"{','.join(averaging.steps)}."
            )
        steps = list(map(int, averaging.steps))
    elif averaging.select_by != "last":
        recorded = evaluations.Evaluations(source, averaging.select_by)
        steps = recorded.best(averaging.count, checkpoints.steps)
    return model, checkpoints.load_average(steps=steps)


if __name__ == "__main__":
    main.run()
