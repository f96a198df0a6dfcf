"""The sentences that a reader of an article tries first are translated.

"I am a student." and "Thanks." are sentences of The Illustrated Transformer. A
reader is likely to try the others next. Set phrases are in the training pairs.
Other sentences are drawn at random, so training may have seen only some.
"""

import json

import pytest

from tests import costs
from tests.tools import in_process

ARTICLE = {"I am a student.": "Je suis étudiant.", "Thanks.": "Merci."}
NEXT = {
    "Thanks!": "Merci !",
    "thanks": "merci",
    "i am a student": "je suis étudiant",
    "Thank you.": "Merci.",
    "Hello.": "Bonjour.",
    "Good morning.": "Bonjour.",
    "Yes.": "Oui.",
    "No.": "Non.",
    "I'm a student.": "Je suis étudiant.",
    "I am not a student.": "Je ne suis pas étudiant.",
    "Are you a student?": "Es-tu étudiant ?",
    "We are students.": "Nous sommes étudiants.",
    "She is a teacher.": "Elle est professeure.",
    "He isn't a doctor.": "Il n'est pas médecin.",
    "My sister is an engineer.": "Ma sœur est ingénieure.",
    "I am tired.": "Je suis fatigué.",
    "She is very tired.": "Elle est très fatiguée.",
    "No, they are not happy.": "Non, ils ne sont pas heureux.",
}


@pytest.mark.parametrize(
    "search",
    costs.grid(["--beam_size=4", "--beam_size=1"], keep=["--beam_size=4"]),
)
def test_short_sentences(demo_run, search):
    expected = {**ARTICLE, **NEXT}
    result = in_process.call(
        "translate",
        f"--model={demo_run}",
        search,
        text="".join(f"{line}\n" for line in expected).encode(),
    )
    assert result.returncode == 0, result.stderr
    lines = result.stdout.decode().splitlines()
    assert dict(zip(expected, lines, strict=True)) == expected


def test_they_are_shown(demo_run):
    output = (demo_run / "stdout.txt").read_text(encoding="utf-8")
    settings = json.loads((demo_run / "config.json").read_text())["settings"]
    evaluations = settings["steps"] // settings["evaluation_interval"]
    assert evaluations > 2
    for source, target in ARTICLE.items():
        # Once after each evaluation.
        samples = output.split(f"  source       {source}\n")[1:]
        assert len(samples) == evaluations
        assert samples[-1].startswith(f"  translation  {target}\n")
    assert 'echo "I am a student."' in output
