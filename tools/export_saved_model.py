"""Exports the model of a run as a SavedModel for TensorFlow Serving.

    python -m tools.export_saved_model --model=runs/mine \\
        --output_dir=models/mine

The program writes the SavedModel to models/mine/1, or to the next version
number if models/mine has versions, and prints the path. With --source and
--reference, it first prints the size, speed and BLEU of the run and of the
SavedModel. The flags of the search are those of `tools.translate`. The
SavedModel keeps their values, and uses them for every request. docs/serving.md
describes the signatures.
"""

import dataclasses
import itertools
import pathlib

from keras_transformer import data, export, models, runs, translation
from tools.inspect_saved_model import losses
from tools.model_flags import settings
from trainers import program, settings_flags
from trainers.settings_flags import setting

# Every shortlist contains all ids up to the largest of the start, padding,
# begin, end and unknown id. At most `_MOST_FIRST` of these ids may belong to
# ordinary tokens.
_MOST_FIRST = 1000
# The maximum number of warm-up texts.
_NUM_WARM_UP = 8


@dataclasses.dataclass(frozen=True)
class Export:
    """The flags of the export, except those of the search.

    Raises:
        ValueError: sources are given without their translations, or
            translations without their sources.
    """

    model: str = setting("Run directory.")
    output_dir: str = setting("Directory of the versions.")
    max_source_length: int = setting(
        "Longer sources are cut to that many tokens.", 512, least=2
    )
    signatures: list[str] | None = setting(
        "Signatures besides serving_default; empty for none. Default: all.",
        None,
    )
    precision: str = setting(
        "Type in which floating-point weights are stored and computed with.",
        "float32",
        choices=["float32", "bfloat16", "float16"],
    )
    weights: str = setting(
        "Type of the matrices; int8 is computed in --precision.",
        "float",
        choices=["float", "int8"],
    )
    shortlist_source: list[str] = setting(
        "Source files of training data, from which the SavedModel learns which "
        "target tokens a source makes likely. It computes the logits of these "
        "only. Default: of all tokens.",
        [],
    )
    shortlist_target: list[str] = setting(
        "Their translations, line by line.", []
    )
    repair: bool = setting(
        "Search again where a translation repeats itself or is far too long or "
        "short; for a run that tools.calibrate has calibrated.",
        False,
    )
    source: list[str] = setting(
        "Source files of a development set, to print what the SavedModel loses "
        "and gains. Default: none.",
        [],
    )
    reference: list[str] = setting("Their translations, line by line.", [])
    warm_up_file: str | None = setting(
        "File whose first lines TensorFlow Serving translates when it loads "
        "the model. Default: two short texts.",
        None,
    )

    def __post_init__(self):
        if bool(self.source) != bool(self.reference):
            raise ValueError(
                "A development set has sources and references. Received: "
                f"--source={','.join(self.source)} "
                f"--reference={','.join(self.reference)}. Give both, or none."
            )
        if bool(self.shortlist_source) != bool(self.shortlist_target):
            raise ValueError(
                "A shortlist is learned from sources and targets. Received: "
                f"--shortlist_source={','.join(self.shortlist_source)} "
                f"--shortlist_target={','.join(self.shortlist_target)}. Give "
                "both, or none."
            )


@program.main(
    Export,
    settings_flags.Selection(
        settings.SearchSettings,
        {
            **{
                field.name: None
                for field in dataclasses.fields(settings.SearchSettings)
            },
            "n_best": "Translations that the signature n_best gives. Default: "
            "the beam size.",
        },
    ),
)
def main(flags, search):
    program.check_output_dir(flags.output_dir)
    arguments = {"signatures": flags.signatures}
    if flags.warm_up_file is not None:
        arguments["warm_up"] = read_warm_up(flags.warm_up_file)
    pairs = _development_pairs(flags)
    run = runs.load_translator(flags.model)
    translator = translation.Translator(
        run.model,
        run.tokenizer,
        search.search(flags.model),
        flags.max_source_length,
        run.target_tokenizer,
        search.lengths(run.lengths),
    )
    calibration = runs.read_calibration(flags.model)
    if flags.repair:
        translator = repairing(translator, calibration, flags.model)
    model = converted(run.model, flags.precision, flags.weights)
    if flags.shortlist_source:
        model = shortlisted(
            model,
            translator,
            data.read_parallel(flags.shortlist_source, flags.shortlist_target),
        )
    directory = _next_version(pathlib.Path(flags.output_dir))
    export.save(
        translator.with_model(model),
        directory,
        search.n_best,
        run=runs.describe_run(flags.model),
        calibration=calibration,
        **arguments,
    )
    if pairs:
        for line in losses.lines(translator, directory, pairs):
            print(line)
    print(directory)


def _development_pairs(flags):
    """Returns the development pairs that have text on both sides.

    Returns `[]` if no files are given. Raises ValueError if the files have no
    such pair.
    """
    if not flags.source:
        return []
    pairs = data.read_parallel(flags.source, flags.reference)
    pairs = [pair for pair in pairs if not pair.has_blank_side()]
    if not pairs:
        raise ValueError(
            "--source and --reference have no pair of sentences: in each line, "
            "a side is blank. Give a development set."
        )
    return pairs


def repairing(
    translator: translation.Translator,
    calibration: translation.Calibration | None,
    run: str,
) -> translation.RepairingTranslator:
    """Returns a translator that searches again if a translation has a defect.

    A defect is a loop (a repeated part) or an unusual length.

    Args:
        translator: the `Translator` of the run.
        calibration: the calibration of the run; `None` if the run has none.
        run: the run directory, for the error message.

    Raises:
        ValueError: there is no calibration, or the search is not a beam search.
    """
    if calibration is None:
        raise ValueError(
            f"{run} has no calibration, which --repair needs. Run "
            "tools.calibrate with a development set first."
        )
    return translation.RepairingTranslator(translator, calibration.lengths)


def converted(model, precision: str, weights: str):
    """Returns a model whose weights have the types that the flags ask for.

    Args:
        model: a `Transformer`, which is not changed. If its weights already
            have the right types, the result is `model` itself. Otherwise the
            result is a copy.
        precision: the value of --precision, a dtype.
        weights: the value of --weights: "int8" quantizes the matrices, "float"
            does not.

    Raises:
        ValueError: the weights are to be quantized, but are quantized already.
    """
    if precision != model.dtype_policy.name:
        model = models.in_precision(model, precision)
    return models.in_int8(model) if weights == "int8" else model


def shortlisted(
    model, translator: translation.Translator, pairs: list[data.SentencePair]
) -> translation.Shortlisted:
    """Returns the model with a shortlist that is learned from pairs.

    Args:
        model: the model to export.
        translator: the `Translator` of the run; it has the vocabularies.
        pairs: the training data. Pairs with a side that is empty or longer than
            `max_source_length` of the translator are left out.

    Raises:
        ValueError: more than 1000 ids of ordinary tokens are below a special
            id, or no pair is left.
    """
    target_tokenizer = translator.target_tokenizer
    ids = target_tokenizer.special_ids
    first = 1 + max(model.start_id, *ids.as_list())
    if first > len(ids.as_list()) + _MOST_FIRST:
        raise ValueError(
            "A shortlist needs special ids at the start of the vocabulary, "
            f"with at most {_MOST_FIRST} other ids below them. Received: "
            f"{ids}. Leave out --shortlist_source."
        )
    encoded = data.encode_pairs(
        pairs,
        translator.tokenizer,
        translator.max_source_length,
        target_tokenizer,
    )
    source_ids = translator.tokenizer.special_ids
    return translation.Shortlisted(
        model,
        translation.learn_shortlist(
            encoded.sources,
            encoded.targets,
            translator.tokenizer.vocabulary_size,
            target_tokenizer.vocabulary_size,
            always=[*range(first), *ids.target_prefix],
            known=[*source_ids.as_list(), *source_ids.around_source()],
        ),
    )


def read_warm_up(path: str) -> list[str]:
    """Returns the first lines of a file that are not blank, at most 8.

    Args:
        path: the file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: all lines are blank, or the file is not text.
    """
    lines = (line for line in data.read_lines(path) if line.strip())
    texts = list(itertools.islice(lines, _NUM_WARM_UP))
    if not texts:
        raise ValueError(
            f"{path} has no text. Expected sentences such as those of the "
            "clients. Give another --warm_up_file, or leave it out."
        )
    return texts


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
