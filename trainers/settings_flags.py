"""Settings as flags: what a program is told is a frozen dataclass.

Each field that is made by `setting` is a flag of the field's name, type and
default. Programs share a flag by sharing the dataclass.
"""

import dataclasses
import typing
from collections.abc import Sequence

from absl import flags

# Their callers are named by --help as where the flags are from.
flags.disclaim_key_flags()


def setting(
    help_text: str,
    default=dataclasses.MISSING,
    *,
    least: float | None = None,
    choices: Sequence[str] | None = None,
):
    """A field of a dataclass that is a flag.

    Args:
        help_text: of the flag.
        default: a setting without one must be given on the command line.
        least: what a number must be at least.
        choices: what a string must be one of.

    Example:

    >>> @dataclasses.dataclass(frozen=True)
    ... class Greeting:
    ...     names: list[str] = setting("Of whom.")
    ...     times: int = setting("How often.", 2, least=1)
    >>> values = flags.FlagValues()
    >>> define(Greeting, values)
    >>> _ = values(["program", "--names=Ann,Bob"])
    >>> read(Greeting, values)
    Greeting(names=['Ann', 'Bob'], times=2)
    """
    metadata = {"help": help_text, "least": least, "choices": choices}
    if isinstance(default, list):
        return dataclasses.field(
            default_factory=default.copy, metadata=metadata
        )
    return dataclasses.field(default=default, metadata=metadata)


class Part(typing.NamedTuple):
    """Some settings of a kind; the others stay as their defaults are.

    kind: the dataclass.
    helps: help texts by names, `None` for that of the field.
    """

    kind: type
    helps: dict[str, str | None]


def only(kind: type, *names: str, **helps: str) -> Part:
    """The part of a program that has not all settings of a kind as flags.

    Args:
        kind: the dataclass.
        *names: of the settings that are flags.
        **helps: more of them, with help texts of this program.
    """
    return Part(kind, {**dict.fromkeys(names), **helps})


def define(kind: type | Part, values: flags.FlagValues) -> None:
    """Defines the flags of a kind of settings, or of a part of it."""
    fields = {field.name: field for field in _fields(kind)}
    helps = dict.fromkeys(n for n in fields if "help" in fields[n].metadata)
    if isinstance(kind, Part):
        helps = kind.helps
    for name, help_text in helps.items():
        _define(fields[name], help_text, values)


def read(kind: type | Part, values: flags.FlagValues):
    """Makes settings from the flags of their names.

    A field that is no setting is read too if other settings of the program
    have a flag of its name.

    Raises:
        ValueError: what the settings themselves refuse.
    """
    names = None
    if isinstance(kind, Part):
        kind, names = kind
    found = {}
    for field in _fields(kind):
        if field.name in (values if names is None else names):
            found[field.name] = values[field.name].value
            if field.type == list[str]:
                found[field.name] = list(found[field.name] or ())
    return kind(**found)


def given(settings) -> dict:
    """The settings that are not `None`, by name."""
    return {
        field.name: getattr(settings, field.name)
        for field in dataclasses.fields(settings)
        if getattr(settings, field.name) is not None
    }


def _fields(kind):
    return dataclasses.fields(kind.kind if isinstance(kind, Part) else kind)


def _define(field, help_text, values):
    metadata, more = field.metadata, {}
    kinds = typing.get_args(field.type) or (field.type,)
    if field.type == list[str] or list[str] in kinds:
        define_flag = flags.DEFINE_list
    elif metadata["choices"] is not None:
        define_flag, more["enum_values"] = (
            flags.DEFINE_enum,
            metadata["choices"],
        )
    else:
        # `None` beside the type is a default and no other kind of flag.
        [kind] = [kind for kind in kinds if kind is not type(None)]
        define_flag = {
            bool: flags.DEFINE_boolean,
            int: flags.DEFINE_integer,
            float: flags.DEFINE_float,
            str: flags.DEFINE_string,
        }[kind]
    if metadata["least"] is not None:
        more["lower_bound"] = metadata["least"]
    default, factory = field.default, field.default_factory
    if factory is not dataclasses.MISSING:
        default = factory() or None
    is_required = default is dataclasses.MISSING
    define_flag(
        field.name,
        default=None if is_required else default,
        help=help_text or metadata["help"],
        flag_values=values,
        required=is_required,
        **more,
    )
