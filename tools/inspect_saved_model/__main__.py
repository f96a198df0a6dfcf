"""Inspects a SavedModel before a server loads it.

    python -m tools.inspect_saved_model --model=models/mine/1 \\
        --against=runs/mine

The program loads the SavedModel in a process that imports only tensorflow and
tensorflow_text. It prints a description of the SavedModel, checks every
signature against the contract in docs/serving.md, and measures the speed.
`--against` compares the SavedModel with the run that it was exported from,
`--against_saved_model` with another SavedModel. The program ends with an error
if a check fails or a translation differs.
"""

import dataclasses

from keras_transformer import data, export
from tools.inspect_saved_model import checks, comparing, loading, report
from trainers import program
from trainers.settings_flags import setting

# Every signature is called with at most this number of texts: first with all
# of them in a batch, then with each text alone. `calls_of` adds blank texts and
# a call without texts.
_NUM_CHECKED = 3


@dataclasses.dataclass(frozen=True)
class Inspection:
    """The flags for the SavedModel, the comparisons and the measurements.

    Raises:
        ValueError: a batch size or a number of threads is not a whole number of
            at least 1.
    """

    model: str = setting("Directory of a SavedModel.")
    against: str | None = setting("Run directory to compare with.", None)
    against_saved_model: str | None = setting(
        "Other SavedModel to compare with.", None
    )
    source: str | None = setting(
        "File of texts to translate. Default: those that warm it up.", None
    )
    batch_sizes: list[str] = setting("Texts of a call, to measure.", ["1", "8"])
    threads: list[str] = setting("Threads that call, to measure.", ["1", "2"])
    requests: int = setting(
        "Calls of each thread; 0 to measure nothing.", 20, least=0
    )

    def __post_init__(self):
        for name in ("batch_sizes", "threads"):
            for text in getattr(self, name):
                if not text.isdecimal() or int(text) < 1:
                    raise ValueError(
                        f"--{name} are whole numbers of at least 1. Received: "
                        f"{text}."
                    )


@program.main(Inspection)
def main(inspection):
    directory = inspection.model
    loading.check_directory(directory)
    described = export.read_metadata(directory)
    texts = loading.texts_of(directory)
    if inspection.source is not None:
        texts = read_texts(inspection.source)
    answer = loading.ask(job_of(directory, texts, inspection))
    for line in report.lines(directory, described, answer):
        print(line)
    wrong = checks.problems(answer, texts[:_NUM_CHECKED])
    for problem in wrong:
        print(f"wrong      {problem}")
    if not wrong:
        print("contract   every signature answers as docs/serving.md says")
    differing = list(_compare(inspection, described, texts, answer))
    if wrong or differing:
        raise ValueError(f"{directory}: {'; '.join([*wrong[:1], *differing])}")


def job_of(directory: str, texts: list[str], inspection: Inspection) -> dict:
    """Returns the job for `probe.run` that the flags describe.

    With `requests` 0 the job has no batch sizes, so no speed is measured.

    Args:
        directory: the SavedModel.
        texts: the texts to translate.
        inspection: the flags.
    """
    is_measured = inspection.requests > 0
    return {
        "directory": directory,
        "texts": texts,
        "calls": checks.calls_of(texts[:_NUM_CHECKED]),
        "batch_sizes": [int(n) for n in inspection.batch_sizes] * is_measured,
        "threads": [int(n) for n in inspection.threads],
        "requests": inspection.requests,
    }


def read_texts(path: str) -> list[str]:
    """Returns the lines of a file that are not blank.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: all lines are blank, or the file is not text.
    """
    texts = [line for line in data.read_lines(path) if line.strip()]
    if not texts:
        raise ValueError(f"{path} has no text. Give a file of sentences.")
    return texts


def _compare(inspection, described, texts, answer):
    """Prints the comparisons; yields a message for each model that differs."""
    others = {}
    if inspection.against is not None:
        live = comparing.live_translator(inspection.against, described)
        others[inspection.against] = comparing.translate(live, texts)
    if inspection.against_saved_model is not None:
        other = inspection.against_saved_model
        loading.check_directory(other)
        others[other] = loading.ask(job_of(other, texts, inspection))
        theirs = export.read_metadata(other)
        for line in report.lines(other, theirs, others[other]):
            print(line)
        for line in report.changed(described, theirs):
            print(line)
    for name, translated in others.items():
        differences = comparing.differences(answer, translated, texts)
        for line in report.compared(name, differences):
            print(line)
        if differences["different"]:
            yield (
                f"{differences['different']} of {differences['texts']} "
                f"translations are not those of {name}"
            )


if __name__ == "__main__":
    main.run()
