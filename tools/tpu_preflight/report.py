"""Formats the results of compiling steps as a table, and describes the run."""

from tools.tpu_preflight import check, chips

_GIB = 2**30
HEADER = (
    f"{'step':8} {'rows x length':>14} {'compiles':>8} {'HBM GiB':>8} "
    f"{'of chip':>7} {'GFLOP':>9} {'GB':>8} {'roofline ms':>11} "
    f"{'of peak':>7} {'compiler s':>10}"
)


def line(finding: check.Finding) -> str:
    """Formats a finding as a line under `HEADER`.

    The numbers are left out if the step does not compile. If the numbers count
    only one iteration of each loop, a note follows on a new line. If the step
    cannot run, the last line says why.

    Args:
        finding: the result of compiling a step.
    """
    step = finding.step
    shape = f"{step.rows} x {step.length}"
    verdict = "NO" if finding.failure else "yes"
    text = f"{step.name:8} {shape:>14} {verdict:>8}"
    if finding.compiled is not None:
        memory = finding.compiled.peak_memory
        text += (
            f" {memory / _GIB:8.2f} {memory / finding.chip.memory:7.0%} "
            f"{finding.flops / 1e9:9.1f} {finding.bytes_accessed / 1e9:8.2f} "
            f"{1e3 * finding.seconds:11.2f} {finding.share_of_peak:7.0%} "
            f"{finding.compiled.seconds:10.1f}"
        )
        if finding.compiled.loops and finding.prologue is None:
            text += (
                f"\n  counts one iteration of {finding.compiled.loops} loops"
            )
    if finding.failure:
        text += f"\n  {finding.failure}"
    return text


def introduction(
    topology: chips.Topology, settings, num_parameters: int
) -> str:
    """Describes the run, and the chips that its steps are compiled for.

    Args:
        topology: the chips that steps are compiled for.
        settings: the `TrainingSettings` of the run.
        num_parameters: the number of the model's parameters.
    """
    chip, replicas = topology.chip, topology.num_replicas
    return (
        f"{topology.name}: {replicas} replicas, each a chip of "
        f"{chip.matrix_flops / 1e12:.0f} TFLOP/s in bfloat16, "
        f"{chip.memory / _GIB:.0f} GiB of HBM at "
        f"{chip.bandwidth / 1e9:.0f} GB/s\n"
        f"{num_parameters:,} parameters, {settings.precision}, batches of "
        f"{settings.tokens_per_batch} target tokens, of which a replica has "
        f"1/{replicas}\n"
        "Compiled is the program of one replica. Not in it: the sum of the "
        f"gradients over replicas, {4 * num_parameters / 1e6:.0f} MB"
    )


def conclusion(steps, num_compiled: int, num_failures: int) -> str:
    """Describes how many steps can run, and how many programs a run compiles.

    Args:
        steps: all steps of the run.
        num_compiled: the number of steps that were compiled here.
        num_failures: the number of these steps that cannot run.
    """
    training, decoding = (
        sum(step.name == name for step in steps)
        for name in ("training", "decoding")
    )
    return (
        f"{num_compiled - num_failures} of {num_compiled} steps compile and "
        f"fit. A run compiles {training} program for training and {training} "
        f"for evaluation. Searching with XLA compiles {decoding} more for full "
        "batches, one for each padded length."
    )
