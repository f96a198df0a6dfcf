"""The program translates standard input to standard output."""

import itertools
import os
import subprocess
import threading
import time
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf

import keras_transformer as kt
from tests import graphs
from tests.tools import commands, in_process
from tests.translation import toy
from tools import translate as program
from tools.model_flags import loading, settings

LINES = ["ba de fi", "", "ra", "go hu ka le mi no", "pu ra ba"]


def begin(model, *flags):
    """Starts a process with pipes for its input and output."""
    return subprocess.Popen(
        commands.command("translate", f"--model={model}", *flags),
        cwd=commands.ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def answer(model, text: bytes, *flags):
    """Runs the program in this process; returns its result."""
    return in_process.call("translate", f"--model={model}", *flags, text=text)


def output_of(lines, prefixes=None, translator=None, **wanted):
    """Returns the printed lines, as one list for each input line."""
    # The toy translator has its graphs already.
    translator = translator or toy.translator()
    output = program.Output(**wanted)
    found = program.translate_lines(translator, lines, output, prefixes)
    flat = [line for window in found for line in window]
    count = output.n_best or 1
    assert len(flat) == count * len(lines)
    assert all(line.endswith(b"\n") for line in flat)
    flat = [line[:-1].decode("utf-8") for line in flat]
    return [flat[i : i + count] for i in range(0, len(flat), count)]


def test_lines_in_order_from_run_and_saved_model(demo_run, demo_translator):
    sources = [p.source for p in kt.data.illustrated_corpus().test[:100]]
    sources.insert(7, "")
    text = "".join(f"{line}\n" for line in sources).encode()
    from_run = answer(demo_run, text, "--batch_size=7")
    assert from_run.returncode == 0, from_run.stderr
    lines = from_run.stdout.decode().split("\n")
    assert lines.pop() == ""
    live = demo_translator.translate(sources)
    assert lines == live
    assert lines.index("") == 7 and len(set(lines)) > 90

    served = answer(
        demo_run / "saved_model" / "1", text, "--scores", "--n_best=2"
    )
    assert served.returncode == 0, served.stderr
    columns = [
        line.split("\t") for line in served.stdout.decode().split("\n")[:-1]
    ]
    assert [translation for _, translation in columns[::2]] == live
    assert all(float(score) <= 0 for score, _ in columns)
    assert columns[15] == ["-inf", ""]


@pytest.mark.grid
def test_spaces_and_marks_change_nothing(demo_run, demo_translator):
    """Translations stay the same in Python, a SavedModel and the program."""
    texts = [pair.source for pair in kt.data.illustrated_corpus().dev[:17]]
    live = demo_translator
    expected = live.translate(texts)
    assert len(set(expected)) > 13 and all(expected)
    served = served_by(demo_run)
    changes = [
        *("{} ", " {}", "{}\t", "{}\n", "{}\u00a0", "\u00a0{}", "\ufeff{}"),
        *((" ", space) for space in ("  ", "\t", "\n", "\u00a0 ")),
    ]
    for change in changes:
        if isinstance(change, str):
            changed = [change.format(text) for text in texts]
        else:
            changed = [text.replace(*change) for text in texts]
        assert live.translate(changed) == expected, change
        assert served(changed) == expected, change
    lines = [
        " {}", "{} ", "{}\t", "{}\u00a0", "\t{}\u3000", "{}\r", "{}"
    ]  # fmt: skip
    data = "\ufeff" + "".join(
        lines[i % 7].format(text) + "\n" for i, text in enumerate(texts)
    )
    result = answer(demo_run, data.encode())
    assert result.returncode == 0, result.stderr
    assert result.stdout.decode().splitlines() == expected


def served_by(run):
    loaded = tf.saved_model.load(str(run / "saved_model" / "1"))

    def served(texts):
        answers = loaded.signatures["serving_default"](text=tf.constant(texts))
        return [text.decode() for text in answers["translation"].numpy()]

    return served


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return toy.write_run(tmp_path_factory.mktemp("runs") / "toy")


def test_strange_lines(run):
    lines = [b"\xff\xfd", "🎉 \u202eשלום".encode(), b"no newline at the end"]
    lines.insert(1, b"ba de fi go " * 400)
    # The shared translator of the run has its graphs already.
    with mock.patch.object(loading, "load", return_value=toy.translator()):
        result = answer(run, b"\r\n".join(lines))
    assert result.returncode == 0, result.stderr
    assert len(result.stdout.decode().splitlines()) == len(lines)
    warnings = [w for w in result.stderr.splitlines() if b"warning: line" in w]
    assert len(warnings) == 1 and b"warning: line 2 has" in warnings[0]


def test_no_input_gives_no_output(run):
    result = answer(run, b"")
    assert (result.returncode, result.stdout) == (0, b"")


def test_every_flag_in_one_command(run, tmp_path):
    (tmp_path / "prefixes").write_text("FI\n\nRA\nNO MI\nBA\n")
    flags = "--beam_size=5 --length_penalty=1 --length_penalty_form=average "
    flags += "--coverage_penalty=0.1 --n_best=3 --scores --alignments=hard "
    flags += "--min_length=2 --max_length=11 --min_length_ratio=0.5 "
    flags += "--max_length_ratio=2 --no_repeat_ngram_size=3 --batch_size=2 "
    flags += f"--ensemble=log_probabilities --prefix_file={tmp_path}/prefixes "
    flags += "--precision=float32 --nojit_compile"
    result = answer(f"{run},{run}", "\n".join(LINES).encode(), *flags.split())
    assert result.returncode == 0, result.stderr
    found = [line.split("\t") for line in result.stdout.decode().splitlines()]
    # An ensemble of a model with itself is that model.
    asked = settings.SearchSettings(
        beam_size=5,
        length_penalty=1.0,
        length_penalty_form="average",
        coverage_penalty=0.1,
        n_best=3,
        min_length=2,
        max_length=11,
        min_length_ratio=0.5,
        max_length_ratio=2.0,
        no_repeat_ngram_size=3,
    )
    same = loading.load(settings.ModelSettings([str(run)]), asked)
    with graphs.run_as_python():
        expected = same.hypotheses(
            LINES, align=True, prefixes=["FI", "", "RA", "NO MI", "BA"]
        )
    assert [len(hypotheses) for hypotheses in expected] == [3, 1, 3, 3, 3]
    assert len({hypotheses[0].text for hypotheses in expected}) == 5
    for row, hypotheses in enumerate(expected):
        for column, hypothesis in enumerate(hypotheses):
            score, text, aligned = found[3 * row + column]
            assert text == hypothesis.text
            assert aligned == kt.translation.pharaoh(hypothesis.alignment)
            assert abs(float(score) - hypothesis.score) < 2e-4


@pytest.mark.grid
def test_samples_are_those_of_their_seed(run):
    flags = "--sample --temperature=1.5 --top_k=31 --top_p=0.95 --n_best=2"
    result = answer(run, "\n".join(LINES).encode(), *flags.split(), "--seed=3")
    assert result.returncode == 0, result.stderr
    lines = result.stdout.decode().splitlines()
    # `translator_test.py` tests that another seed draws other samples.
    expected = loading.load(
        settings.ModelSettings([str(run)]),
        settings.SearchSettings(
            sample=True, temperature=1.5, top_k=31, top_p=0.95, n_best=2, seed=3
        ),
    ).hypotheses(LINES, batch_size=2)
    texts = []
    for hypotheses in expected:
        texts += [" ".join(h.text.splitlines()) for h in hypotheses]
        texts += [""] * (2 - len(hypotheses))
    assert lines == texts
    assert len(set(texts)) > 5


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--temperature=0.5", "--temperature=0.5 is for samples"),
        ("--beam_size=1009", "A beam cannot be larger than the vocabulary"),
        ("--prefix_file=/nowhere", "No such file or directory: '/nowhere'"),
    ],
)
def test_errors_are_one_line(run, flags, message):
    result = answer(run, b"ba\n", *flags.split())
    assert (result.returncode, result.stdout) == (1, b"")
    [line] = result.stderr.decode().splitlines()
    assert line.startswith("error: ") and message in line


def test_sizes_that_are_none():
    with pytest.raises(ValueError, match="--batch_size must be at least 1"):
        program.Output(batch_size=0)


def test_no_such_model(tmp_path):
    result = answer(tmp_path / "nothing", b"a\n")
    assert result.returncode == 1
    [message] = result.stderr.decode().splitlines()
    assert message.startswith("error: No such model") and "nothing" in message


def test_what_a_saved_model_does_not_do(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"")
    models = [str(tmp_path)]
    program.check_columns(models, program.Output(), None)
    for output, prefixes in (
        (program.Output(alignments="soft"), None),
        (program.Output(), [""]),
    ):
        with pytest.raises(ValueError, match="no prefixes and aligns no words"):
            program.check_columns(models, output, prefixes)
        program.check_columns(["a run"], output, prefixes)


@pytest.mark.process
def test_a_slow_producer_is_answered_at_once_and_may_stay(run):
    """A line is answered while the pipe is open, and so is an error."""
    prefixes = run / "prefixes"
    prefixes.write_text("FI\n" + "BA " * 300 + "\n")
    with begin(run, f"--prefix_file={prefixes}") as process:
        killer = threading.Timer(240, process.kill)
        killer.start()
        process.stdin.write(b"ba de fi\n")
        process.stdin.flush()
        # The test writes nothing more until this answer comes.
        assert process.stdout.readline() == b"FI DE BA\n"
        # The prefix of this line is too long; the pipe stays open.
        process.stdin.write(b"ba\n")
        process.stdin.flush()
        errors = process.stderr.read().decode().splitlines()
        assert process.wait() == 1
        killer.cancel()
        assert errors[-1].startswith("error: A prefix must not be longer")
        assert process.stdout.read() == b""


# `program_test.py` and `startup_test.py` test such a reader too.
@pytest.mark.grid
@pytest.mark.process
def test_a_reader_that_had_enough(run):
    with begin(run) as process:
        killer = threading.Timer(240, process.kill)
        killer.start()
        process.stdout.close()
        process.stdin.write(b"ba\n")
        process.stdin.close()
        errors = process.stderr.read().decode()
        assert process.wait() == 1
        killer.cancel()
        assert "Traceback" not in errors and "BrokenPipe" not in errors
        # There was no error before the program wrote its output.
        assert "error: " not in [line[:7] for line in errors.splitlines()]


def test_n_best_lines():
    found = output_of(LINES, translator=toy.several(), n_best=4, scores=True)
    assert [len(lines) for lines in found] == [4] * 5
    assert found[1] == ["0.0000\t", "-inf\t", "-inf\t", "-inf\t"]
    for at, line in enumerate(LINES):
        if at != 1:
            columns = [c.split("\t") for c in found[at]]
            scores = [float(score) for score, _ in columns]
            assert scores == sorted(scores, reverse=True)
            texts = [text for _, text in columns]
            best = toy.translator().translate([line])[0]
            assert texts[0] == best
    assert found[0][0].split("\t")[1] == "FI DE BA"


def test_prefixes():
    prefixes = ["NO", "", "", "RA", "DE"]
    found = output_of(LINES, prefixes, batch_size=2)
    for at, ([line], prefix) in enumerate(zip(found, prefixes, strict=True)):
        assert line.split(" ")[0] == prefix or prefix == ""
        if prefix == "":
            assert line == toy.translator().translate([LINES[at]])[0]


@pytest.mark.parametrize("count", [3, 7])
def test_another_number_of_prefixes(count):
    written = []
    with pytest.raises(ValueError, match=f"5 lines, {count} prefixes"):
        for lines in program.translate_lines(
            toy.translator(), LINES, program.Output(), [""] * count
        ):
            written += lines
    # The lines that have a prefix are answered.
    texts = LINES[:count]
    assert written == [
        f"{text}\n".encode() for text in toy.translator().translate(texts)
    ]
    assert written[:2] == [b"FI DE BA\n", b"\n"]


@pytest.mark.parametrize("kind", ["hard", "soft"])
def test_alignments(kind):
    found = output_of(LINES, alignments=kind)
    form = {
        "hard": kt.translation.pharaoh,
        "soft": kt.translation.soft_pharaoh,
    }[kind]
    for [line], [best] in zip(
        found, toy.translator().hypotheses(LINES, align=True), strict=True
    ):
        assert line == f"{best.text}\t{form(best.alignment)}"
    assert found[0][0].startswith("FI DE BA\t") and found[1] == ["\t"]


def hypothesis(text, score):
    return kt.translation.Hypothesis(text, score, [], np.zeros([0]), None)


def test_a_translation_is_one_line():
    lines = program.format_lines(
        [hypothesis("a\nb\r\nc\u2028d", -1.23456)], program.Output(scores=True)
    )
    assert lines == [b"-1.2346\ta b c d\n"]


def test_empty_lines_for_what_was_not_found():
    for wanted, missing in (
        ({}, b"\n"),
        ({"scores": True}, b"-inf\t\n"),
        ({"alignments": "hard"}, b"\t\n"),
        ({"alignments": "soft", "scores": True}, b"-inf\t\t\n"),
    ):
        lines = program.format_lines([], program.Output(n_best=2, **wanted))
        assert lines == [missing, missing]


def test_lines_that_are_there_come_together():
    lines = [str(number) for number in range(53)]
    windows = list(program.arriving(lines, 23))
    assert [len(window) for window in windows] == [23, 23, 7]
    assert sum(windows, []) == lines
    assert list(program.arriving([], 23)) == []
    assert list(program.arriving([""], 23)) == [[""]]


def test_many_lines_come_together_though_they_take_their_time():
    def slowly():
        for number in itertools.count():
            yield str(number)
            time.sleep(0.001)

    first = next(program.arriving(slowly(), 1009))
    # A window waits for more lines, but only for a limited time.
    assert 5 < len(first) < 200


def test_lines_do_not_wait_for_others():
    asked = threading.Semaphore(0)

    def one_by_one():
        for number in range(3):
            assert asked.acquire(timeout=60)
            yield str(number)

    windows = program.arriving(one_by_one(), 23)
    for number in range(3):
        # The next line comes only after this line is answered.
        asked.release()
        assert next(windows) == [str(number)]
    assert list(windows) == []


def test_lines_arrive_while_others_are_answered():
    windows = program.arriving(["a"] * 29, 7)
    next(windows)
    time.sleep(0.2)
    # Meanwhile the reader has filled its queue, so the windows are full.
    assert [len(window) for window in windows] == [7, 7, 7, 1]


def test_a_fault_of_the_input_comes_after_its_lines():
    def failing():
        yield "a"
        raise OSError("disk gone")

    windows = program.arriving(failing(), 23)
    assert next(windows) == ["a"]
    with pytest.raises(OSError, match="disk gone"):
        next(windows)


def test_read_prefixes(tmp_path):
    assert program.read_prefixes(None) is None
    (tmp_path / "prefixes").write_bytes("é\r\n\nb".encode())
    assert program.read_prefixes(str(tmp_path / "prefixes")) == [
        "é",
        "",
        "b",
    ]


def test_warnings_count_all_lines(capsys):
    live = toy.translator()
    short = kt.Translator(live.model, live.tokenizer, max_source_length=5)
    program.warn_of_cuts(short, ["ba", "ba de fi go hu", ""], 100)
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 1
    assert errors[0].startswith("warning: line 102 has 5 tokens, cut to 4.")
    program.warn_of_cuts(short, [], 100)
    assert os.linesep not in capsys.readouterr().err
