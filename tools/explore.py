"""Writes an HTML page that shows how the model of a run translates.

    python -m tools.explore --model=runs/demo --output=page.html
    python -m tools.explore --model=runs/demo --text="The cat sleeps." \\
        --format=svg --attention=encoder --layer=1 --head=3 --output=head.svg

The page shows the figures of The Illustrated Transformer. It contains the
model, and translates and draws any sentence in the browser, without network or
server. If the model is too large, or if the page cannot compute its vocabulary
or the settings of the beam search, the page contains recorded numbers (traces)
instead of the model, and shows only the sentences of --text. A page cannot have
--sample. docs/seeing.md explains the page.
If tools.calibrate has calibrated the run, the page also shows the confidence of
a translation. With --format=svg or png the program writes one figure instead of
the page: the attention for the sentence of --text.
"""

import dataclasses

from keras_transformer import explorer, interpretation, runs
from tools.model_flags import loading
from tools.model_flags import settings as model_settings
from trainers import program
from trainers.settings_flags import only, setting


@dataclasses.dataclass(frozen=True)
class Page:
    """The flags of the page and of a single figure.

    Raises:
        ValueError: `target` is given, but the numbers of targets and texts
            differ; a figure gets several texts; or the page gets flags of a
            figure.
    """

    output: str = setting("File to write.")
    text: tuple[str, ...] = setting(
        "A sentence to open with; give the flag twice for two. Default: the "
        "sentence of The Illustrated Transformer, and one like it.",
        (),
    )
    target: tuple[str, ...] = setting(
        "A translation to show instead of the model's, one for each --text.",
        (),
    )
    format: str = setting(
        "What to write: the page, or a figure.",
        "html",
        choices=["html", *explorer.FORMATS],
    )
    weights: str = setting(
        "Type of the weights in the page.",
        "float32",
        choices=["float32", "float16"],
    )
    most_megabytes: float = setting(
        "A page with larger weights shows recorded traces of its sentences.",
        explorer.MOST_MEGABYTES,
        least=0,
    )
    attention: str | None = setting(
        "Attention in a figure. Default: encoder.",
        None,
        choices=list(explorer.KINDS),
    )
    layer: int | None = setting(
        "Layer in a figure, counted from 1. Default: 1.", None, least=1
    )
    head: int | None = setting(
        "Head in a figure, counted from 1. Default: all heads.", None, least=1
    )

    def __post_init__(self):
        if self.target and len(self.target) != len(self.text):
            raise ValueError(
                "Each --target is the translation of a --text. Received: "
                f"{len(self.target)} of --target, {len(self.text)} of --text."
            )
        of_figure = [
            f"--{name}={getattr(self, name)}"
            for name in ("attention", "layer", "head")
            if getattr(self, name) is not None
        ]
        if len(self.text) > 1 and self.format != "html":
            raise ValueError(
                f"A figure shows one sentence. Received: {len(self.text)} of "
                f"--text with --format={self.format}. Give one --text, or "
                "--format=html."
            )
        if of_figure and self.format == "html":
            raise ValueError(
                f"{' '.join(of_figure)} is for a figure. Give --format=svg or "
                "--format=png, or choose the head in the page."
            )


@program.main(
    only(model_settings.ModelSettings, "model"),
    model_settings.SearchSettings,
    Page,
)
def main(models, search, page):
    program.check_output_file(page.output)
    if search.minimum_risk is None and not search.sample:
        # The page has no code for minimum risk, and would contain recorded
        # traces instead of the model. So minimum risk is off if the user did
        # not set it. With --sample, `minimum_risk` stays `None`, because
        # `SearchSettings` then accepts no number for it.
        search = dataclasses.replace(search, minimum_risk=0)
    translator = loading.load_translator(models, search)
    texts = page.text or explorer.ARTICLE
    targets = page.target or None
    if page.format != "html":
        trace = interpretation.trace(
            translator, texts[0], targets and targets[0]
        )
        explorer.save_figure(
            page.output,
            trace,
            page.attention or "encoder",
            (page.layer or 1) - 1,
            None if page.head is None else page.head - 1,
            page.format,
        )
    else:
        is_live = explorer.save_page(
            page.output,
            translator,
            texts,
            targets,
            page.weights,
            page.most_megabytes,
            runs.read_calibration(models.model[0]),
        )
        if not is_live:
            print(
                "The page has recorded traces of its sentences, and does not "
                "translate other sentences: the model is larger than "
                "--most_megabytes, or the page cannot compute its vocabulary "
                "or its search."
            )
    print(page.output)


if __name__ == "__main__":
    main.run()
