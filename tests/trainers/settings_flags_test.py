"""A field becomes a flag with its name, type, default, bounds and help."""

import dataclasses

import pytest
from absl import flags

from trainers import settings_flags
from trainers.settings_flags import only, setting


@dataclasses.dataclass(frozen=True)
class Journey:
    to: str = setting("Where to.")
    over: list[str] = setting("Places between.", [])
    days: int = setting("How many.", 7, least=2)
    weight: float | None = setting("Of the luggage.", None, least=0)
    by: str = setting("How.", "train", choices=["train", "boat"])
    back: bool | None = setting("Whether to come back.", None)
    only_by: list[str] | None = setting("Nothing else.", None)
    # A plain field has no flag.
    name: str = "mine"

    def __post_init__(self):
        if self.to in self.over:
            raise ValueError(f"--to is on the way: {self.to}")


def parsed(*arguments, kinds=(Journey,)):
    values = flags.FlagValues()
    for kind in kinds:
        settings_flags.define(kind, values)
    values(["program", *arguments])
    return values


def read(*arguments):
    return settings_flags.read(Journey, parsed(*arguments))


def test_defaults_are_those_of_the_fields():
    journey = read("--to=Oslo")
    assert journey == Journey("Oslo")
    assert journey.over == [] and journey.only_by is None
    assert settings_flags.specified(journey) == {
        "to": "Oslo",
        "over": [],
        "days": 7,
        "by": "train",
        "name": "mine",
    }


def test_values_have_the_types_of_the_fields():
    journey = read(
        "--to=Oslo",
        "--over=Bern,Rome",
        "--days=3",
        "--weight=2",
        "--by=boat",
        "--noback",
        "--only_by=boat",
    )
    assert journey == Journey(
        "Oslo", ["Bern", "Rome"], 3, 2.0, "boat", False, ["boat"]
    )
    assert isinstance(journey.weight, float)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--to must have a value"),
        (["--to=Oslo", "--days=1"], "flag --days=1: 1 is not"),
        (["--to=Oslo", "--days=1.5"], "flag --days=1.5"),
        (["--to=Oslo", "--weight=-0.5"], "flag --weight=-0.5"),
        (["--to=Oslo", "--by=plane"], "should be one of <train|boat>"),
        (["--to=Oslo", "--name=other"], "Unknown command line flag 'name'"),
    ],
)
def test_refused_before_there_are_settings(arguments, message):
    with pytest.raises(flags.Error, match=message):
        parsed(*arguments)


def test_what_the_settings_refuse():
    with pytest.raises(ValueError, match="--to is on the way: Oslo"):
        read("--to=Oslo", "--over=Oslo")


def test_help_is_that_of_the_field():
    values = parsed("--to=Oslo")
    assert values["days"].help == "How many."
    assert values["days"].default == 7


def test_a_selection_of_the_settings():
    selection = only(Journey, "to", days="How many here.")
    values = parsed("--to=Oslo", "--days=5", kinds=[selection])
    assert {"to", "days"} <= set(values)
    assert not {"over", "by", "name"} & set(values)
    assert values["days"].help == "How many here."
    assert settings_flags.read(selection, values) == Journey("Oslo", days=5)


def test_a_selection_reads_no_flag_of_others():
    @dataclasses.dataclass(frozen=True)
    class Other:
        days: int = setting("Of others.", 11)

    selection = only(Journey, "to")
    values = parsed("--to=Oslo", "--days=5", kinds=[selection, Other])
    assert settings_flags.read(selection, values) == Journey("Oslo")
    assert settings_flags.read(Other, values) == Other(5)


def test_a_plain_field_is_read_from_the_flag_of_others():
    @dataclasses.dataclass(frozen=True)
    class Ticket:
        days: int = 0

    values = parsed("--to=Oslo", "--days=5", kinds=[Journey, Ticket])
    assert settings_flags.read(Ticket, values) == Ticket(5)


def test_there_is_no_such_setting():
    with pytest.raises(KeyError, match="dayz"):
        settings_flags.define(only(Journey, "dayz"), flags.FlagValues())


def test_a_flag_that_can_be_given_several_times():
    @dataclasses.dataclass(frozen=True)
    class Diary:
        day: tuple[str, ...] = setting("What happened.", ())

    def read(*arguments):
        return settings_flags.read(Diary, parsed(*arguments, kinds=(Diary,)))

    assert read() == Diary(())
    # The strings may have commas, unlike those of a list.
    days = "Rain, then sun.", ""
    assert read(*(f"--day={day}" for day in days)) == Diary(days)


@dataclasses.dataclass(frozen=True)
class Move:
    path: str = settings_flags.argument("what to move")
    origin: str = setting("Where it is.", flag="from")


def test_a_flag_with_a_word_of_python():
    move = settings_flags.read(
        Move, parsed("--from=a", kinds=(Move,)), {"path": "b"}
    )
    assert move == Move("b", "a")


def test_arguments_without_a_flag():
    assert settings_flags.arguments_of(Move) == {"path": "what to move"}
    assert settings_flags.arguments_of(Journey) == {}
    assert "path" not in parsed("--from=a", kinds=(Move,))
