"""Prints the scores of a run and the commands that a user may want next."""

import os
import shlex
import sys

import keras_transformer as kt
from trainers import corpora as run_corpora


def print_summary(
    directory: kt.runs.RunDirectory,
    metrics: dict,
    corpora: run_corpora.Corpora,
) -> None:
    """Prints the scores of a run, and commands that the user may want next.

    Args:
        directory: the directory of the run.
        metrics: the content of `metrics.json`.
        corpora: the data sets of the run.
    """
    for name in ("dev", "test"):
        if name in metrics:
            scores = metrics[name]
            print(
                f"{name}: BLEU {scores['bleu']:.2f} "
                f"({scores['bleu_signature']}), chrF {scores['chrf']:.2f}, "
                f"exact match {scores['exact_match']:.3f}"
            )
    if "referent_accuracy" in metrics:
        print(f"referent accuracy: {metrics['referent_accuracy']:.3f}")
    texts = ["Your sentence."]
    if corpora.contrast:
        texts = ["I am a student.", corpora.contrast[0].source]
    # The commands use the interpreter that runs this program, since this
    # interpreter has the packages that the commands need.
    inside = sys.executable.startswith(os.getcwd() + os.sep)
    python = os.path.relpath(sys.executable) if inside else sys.executable
    python = shlex.quote(python)
    run = shlex.quote(str(directory.path))
    logs = shlex.quote(str(directory.logs))
    translations = "\n".join(
        f'  echo "{text}" | \\\n      {python} -m tools.translate --model={run}'
        for text in texts
    )
    page = f"""write a page that shows in a browser how the model translates
  {python} -m tools.explore --model={run} --output=page.html"""
    if directory.page.is_file():
        page = f"""see how the model translates: open this file in a browser
  {directory.page}"""
    print(f"""
All files of the run are in {directory.path}. Next:

{page}
see the attention in TensorBoard
  {python} -m tensorboard.main --logdir={logs} \\
      --samples_per_plugin=images=100
translate a line
{translations}
score a test set
  {python} -m tools.evaluate --model={run} \\
      --source=FILE --reference=FILE
serve {directory.saved_model.parent} with TensorFlow Serving, or export it again
  {python} -m tools.export_saved_model --model={run} \\
      --output_dir=DIRECTORY
train on your own files
  {python} -m trainers.train_translation --output_dir=DIRECTORY \\
      --train_source=FILE --train_target=FILE""")
