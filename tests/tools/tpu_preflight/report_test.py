"""Findings as text."""

from tests.tools.tpu_preflight import check_test as made
from tools.tpu_preflight import check, chips, report
from trainers import settings

STEP = made.crossing(3)


def test_a_line_under_its_header():
    compiled = made.made_up(
        temporaries=4 * 2**30,
        code=2**30,
        arguments=2**30,
        outputs=2**30,
        aliased=2**30,
        flops=197e9,
        bytes_accessed=2 * 819e6,
        seconds=7.5,
    )
    line = report.line(check.Finding(STEP, made.CHIP, compiled))
    assert line.split() == [
        *("crossing", "3", "x", "17", "yes", "6.00", "38%", "197.0", "1.64"),
        *("2.00", "50%", "7.5"),
    ]
    assert len(line) == len(report.HEADER)
    looping = compiled._replace(loops=5)
    line = report.line(check.Finding(STEP, made.CHIP, looping))
    assert line.splitlines()[1].strip() == "counts one iteration of 5 loops"


def test_a_failure():
    finding = check.Finding(STEP, made.CHIP, failure="Where: mask/Where")
    first, second = report.line(finding).splitlines()
    assert first.split()[-1] == "NO"
    assert second == "  Where: mask/Where"


def test_introduction():
    text = report.introduction(
        chips.topology("v4:2x2x1"),
        settings.TrainingSettings(tokens_per_batch=997, precision="float32"),
        1_000_003,
    )
    assert "4 replicas, each a chip of 275 TFLOP/s" in text
    assert "32 GiB of HBM at 1200 GB/s" in text
    assert "1,000,003 parameters, float32, batches of 997 target" in text
    assert "gradients over replicas, 4 MB" in text


def test_conclusion():
    training, decoding = (
        STEP._replace(name=name) for name in ("training", "decoding")
    )
    text = report.conclusion([training] + [decoding] * 3, 4, 2)
    assert text.startswith("2 of 4 steps compile and fit.")
    assert "1 program for training and 1 for evaluation" in text
    assert "compiles 3 more" in text
