"""What a run prints at its end: its scores, and what to do with it."""

import os
import shlex
import sys

import keras_transformer as kt


def print_them(directory: kt.runs.RunDirectory, metrics: dict, corpora) -> None:
    """Prints the scores, and the commands a user may want now.

    Args:
        directory: of the run.
        metrics: what `metrics.json` holds.
        corpora: the `Corpora` of the run.
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
    text = corpora.contrast[0].source if corpora.contrast else "Your sentence."
    # The interpreter that runs this has all that the commands need.
    inside = sys.executable.startswith(os.getcwd() + os.sep)
    python = os.path.relpath(sys.executable) if inside else sys.executable
    python = shlex.quote(python)
    run = shlex.quote(str(directory.path))
    logs = shlex.quote(str(directory.logs))
    print(f"""
All of it is in {directory.path}. Next:

see the attention
  {python} -m tensorboard.main --logdir={logs} \\
      --samples_per_plugin=images=100
translate a line
  echo "{text}" | \\
      {python} -m tools.translate --model={run}
score a test set
  {python} -m tools.evaluate --model={run} \\
      --source=FILE --reference=FILE
serve {directory.saved_model.parent} with TensorFlow Serving, or export it anew
  {python} -m tools.export_saved_model --model={run} \\
      --output_dir=DIRECTORY
train on your own files
  {python} -m trainers.train_translation --output_dir=DIRECTORY \\
      --train_source=FILE --train_target=FILE""")
