"""Makes command-line flags from the fields of dataclasses.

The settings of a program are frozen dataclasses. Each field that `setting`
makes is a flag with the type and the default of the field. The flag also has
the name of the field, unless `setting` gets another name. Several programs can
use the same dataclass. They then have its flags in common.
"""

import dataclasses
import typing
from collections.abc import Sequence

from absl import flags

# Without this line, absl would count the flags of all programs as flags of this
# file. --help prints only the flags of the program's own file.
flags.disclaim_key_flags()


def setting(
    help_text: str,
    default: typing.Any = dataclasses.MISSING,
    *,
    least: float | None = None,
    choices: Sequence[str] | None = None,
    flag: str | None = None,
) -> typing.Any:
    """Makes a dataclass field that is also a flag.

    The flag of a `list[str]` is one string, with commas between the items. The
    flag of a `tuple[str, ...]` can be given several times; its strings may have
    commas.

    Args:
        help_text: the description that --help prints.
        default: the default. Without one, the user must give the flag.
        least: the smallest allowed number; `None` for no limit.
        choices: the allowed strings; `None` for all strings.
        flag: the name of the flag, if a field cannot have this name, such as
            `from`. `None` for the name of the field.

    Example:

    >>> @dataclasses.dataclass(frozen=True)
    ... class Greeting:
    ...     names: list[str] = setting("Whom to greet.")
    ...     times: int = setting("How often to greet.", 2, least=1)
    >>> values = flags.FlagValues()
    >>> define(Greeting, values)
    >>> _ = values(["program", "--names=Ann,Bob"])
    >>> read(Greeting, values)
    Greeting(names=['Ann', 'Bob'], times=2)
    """
    metadata = {
        "help": help_text,
        "least": least,
        "choices": choices,
        "flag": flag,
    }
    if isinstance(default, list):
        return dataclasses.field(
            default_factory=default.copy, metadata=metadata
        )
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True)
class Given:
    """The names of the flags that the user gave.

    A program that needs them lists this class among its dataclasses.
    """

    names: frozenset[str] = frozenset()


class Selection(typing.NamedTuple):
    """A dataclass of which a program has only some fields as flags.

    Positional arguments are read too. All other fields keep their defaults.

    settings_class: the dataclass.
    help_texts: the description of each flag, by the name of its field; `None`
        for the description in the dataclass.
    """

    settings_class: type
    help_texts: dict[str, str | None]


def argument(help_text: str) -> typing.Any:
    """Makes a dataclass field that is a positional argument of the program.

    Args:
        help_text: the description of the argument. The error message for a
            missing argument contains the description.
    """
    return dataclasses.field(metadata={"argument": help_text})


def arguments_of(settings_class: type | Selection) -> dict[str, str]:
    """Returns the descriptions of the positional arguments, by field name.

    Args:
        settings_class: the dataclass, or a selection of its fields.
    """
    return {
        field.name: field.metadata["argument"]
        for field in _fields(settings_class)
        if "argument" in field.metadata
    }


def only(settings_class: type, *names: str, **help_texts: str) -> Selection:
    """Selects the fields of a dataclass that are flags of a program.

    Args:
        settings_class: the dataclass.
        *names: names of fields whose descriptions stay the same.
        **help_texts: names of other fields, with descriptions for this program.
    """
    return Selection(settings_class, {**dict.fromkeys(names), **help_texts})


def define(settings_class: type | Selection, values: flags.FlagValues) -> None:
    """Defines the flags of a dataclass, or of a selection of its fields.

    Args:
        settings_class: the dataclass, or a selection of its fields.
        values: the flags of the program; new flags are added.
    """
    fields = {field.name: field for field in _fields(settings_class)}
    help_texts: dict[str, str | None] = dict.fromkeys(
        name for name, field in fields.items() if "help" in field.metadata
    )
    if isinstance(settings_class, Selection):
        help_texts = settings_class.help_texts
    for name, help_text in help_texts.items():
        _define(fields[name], help_text, values)


def read(
    settings_class: type | Selection,
    values: flags.FlagValues,
    given: dict[str, str] | None = None,
) -> typing.Any:
    """Makes an object of a dataclass from parsed flags.

    A field that `setting` did not make is read too, if another dataclass of the
    program defines a flag with the name of this field. For a selection, only
    the selected fields and the positional arguments are read. For
    `Given`, the result has the names of the flags on the command line.

    Args:
        settings_class: the dataclass, or a selection of its fields.
        values: the parsed flags.
        given: the values of the positional arguments, by field name; `None` if
            there are no positional arguments.

    Raises:
        ValueError: the dataclass refuses the values.
    """
    names: typing.Any = values
    if settings_class is Given:
        return Given(frozenset(n for n in values if values[n].present))
    if isinstance(settings_class, Selection):
        settings_class, names = settings_class
    arguments = {}
    for field in _fields(settings_class):
        if given and field.name in given:
            arguments[field.name] = given[field.name]
        elif _flag_of(field) in names:
            arguments[field.name] = values[_flag_of(field)].value
            if field.type == list[str]:
                arguments[field.name] = list(arguments[field.name] or ())
            elif field.type == tuple[str, ...]:
                arguments[field.name] = tuple(arguments[field.name] or ())
    return settings_class(**arguments)


def specified(settings: typing.Any) -> dict[str, typing.Any]:
    """Returns a dict of the settings that are not `None`, by field name.

    Args:
        settings: an object of a dataclass.
    """
    return {
        field.name: getattr(settings, field.name)
        for field in dataclasses.fields(settings)
        if getattr(settings, field.name) is not None
    }


def _fields(settings_class):
    if isinstance(settings_class, Selection):
        settings_class = settings_class.settings_class
    return dataclasses.fields(settings_class)


def _flag_of(field):
    return field.metadata.get("flag") or field.name


def _define(field, help_text, values):
    """Defines the flag of a field."""
    metadata, options = field.metadata, {}
    # `int | None` gives `(int, NoneType)`, `list[str]` gives `(str,)`, and a
    # plain type gives itself.
    types = typing.get_args(field.type) or (field.type,)
    if field.type == list[str] or list[str] in types:
        define_flag = flags.DEFINE_list
    elif field.type == tuple[str, ...]:
        define_flag = flags.DEFINE_multi_string
    elif metadata["choices"] is not None:
        define_flag = flags.DEFINE_enum
        options["enum_values"] = metadata["choices"]
    else:
        # `int | None` is an integer flag: `None` only means that the flag was
        # not given.
        [flag_type] = [item for item in types if item is not type(None)]
        define_flag = {
            bool: flags.DEFINE_boolean,
            int: flags.DEFINE_integer,
            float: flags.DEFINE_float,
            str: flags.DEFINE_string,
        }[flag_type]
    if metadata["least"] is not None:
        options["lower_bound"] = metadata["least"]
    default, factory = field.default, field.default_factory
    if factory is not dataclasses.MISSING:
        default = factory() or None
    is_required = default is dataclasses.MISSING
    define_flag(
        _flag_of(field),
        default=None if is_required else default,
        help=help_text or metadata["help"],
        flag_values=values,
        required=is_required,
        **options,
    )
