"""Bundles ES modules into one script, which a page can contain inline.

A page that is opened from disk cannot import files, so all modules of the page
become one script. Each module becomes a function that is called once, so that
equal names in two modules do not clash. These forms of import and export are
supported, each at the beginning of a line:

    import { a, b as c } from "./x.js";
    export function f, export const X, export class C

Any other form at the beginning of a line is an error. `import(...)` and
`import.meta` are errors at any place. A file in a folder `vendor` is a build of
another project. Such a file must end with one list of exports,
`export{a as b}`. It must import nothing, but `bundle` does not check this.
"""

import pathlib
import re

_IMPORT = re.compile(r'^import \{([^}]*)\} from "(\.[^"]+)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (function|const|class) (\w+)", re.MULTILINE)
_VENDOR_EXPORT = re.compile(r"export ?\{([^}]*)\};?\s*$")
_OTHER_FORM = re.compile(r"^(?:import|export)\b.*|\bimport\s*[(.].*", re.M)
_NAMES = re.compile(r"(\w+)(?: as (\w+))?")


def bundle(entry: pathlib.Path) -> str:
    """Returns one script of an entry module and all modules that it needs.

    Args:
        entry: the path of the module that starts the page.

    Raises:
        ValueError: a file is missing, modules import each other in a cycle, a
            module imports a name that the other module does not export, a form
            of import or export is not supported, or a file of a folder `vendor`
            does not end with a list of exports.
    """
    modules: dict[pathlib.Path, tuple[str, set[str]]] = {}
    _add(entry.resolve(), modules, ())
    scripts = [script for script, _ in modules.values()]
    return "\n".join(['"use strict";', *scripts])


def _add(path, modules, importers):
    """Adds a module to `modules`, after the modules that it imports.

    A module that `modules` already has is not added again. The keys of
    `modules` are paths, and the values are pairs of a script and the exported
    names. `importers` are paths of modules: each module imports the next one,
    and the last one imports the module at `path`. `importers` is empty for the
    entry module.
    """
    if path in importers:
        names = [each.name for each in (*importers, path)]
        raise ValueError(
            "Modules must not import each other in a cycle. Received: "
            f"{' -> '.join(names)}. Move what they share to a module of its "
            "own."
        )
    if path in modules:
        return
    if not path.is_file():
        raise ValueError(
            f"An imported module is missing. Received: {path.name}, imported "
            f"by {importers[-1].name if importers else 'nothing'}."
        )
    source = path.read_text(encoding="utf-8")
    if path.parent.name == "vendor":
        body, exports = _vendor_module(source, path.name)
    else:
        body, exports = _module(source, path, modules, importers)
    modules[path] = (
        f"const module_{len(modules)} = (() => {{\n{body}\n"
        f"return {{ {exports} }};\n}})();",
        {pair.split(":")[0] for pair in exports.split(", ")},
    )


def _module(source, path, modules, importers):
    """Adds a module's imports to `modules`; returns its body and exports.

    The exports are one string: "a: a, b: b" if the module exports `a` and `b`.
    """
    for match in _IMPORT.finditer(source):
        _add((path.parent / match[2]).resolve(), modules, (*importers, path))

    def replace_import(match):
        imported = (path.parent / match[2]).resolve()
        names = _names(match[1])
        missing = {name for name, _ in names} - modules[imported][1]
        if missing:
            raise ValueError(
                f"{path.name} imports names that {imported.name} does not "
                f"export. Received: {sorted(missing)}."
            )
        members = ", ".join(f"{name}: {alias}" for name, alias in names)
        return (
            f"const {{ {members} }} = module_{list(modules).index(imported)};"
        )

    exports = [match[2] for match in _EXPORT.finditer(source)]
    body = _IMPORT.sub(replace_import, source)
    body = _EXPORT.sub(r"\1 \2", body)
    other = _OTHER_FORM.search(body)
    if other:
        raise ValueError(
            f"{path.name} has a form of import or export that is not bundled. "
            f"Received: {other[0]!r}. Write `import {{ a, b as c }} from "
            '"./x.js";` or `export function`, `export const`, `export class`.'
        )
    return body.strip(), ", ".join(f"{name}: {name}" for name in exports)


def _vendor_module(source, name):
    match = _VENDOR_EXPORT.search(source)
    if not match:
        raise ValueError(
            f"A file of the folder `vendor` ends with a list of its exports. "
            f"Received: {name}, which does not."
        )
    exports = [f"{alias}: {name}" for name, alias in _names(match[1])]
    return source[: match.start()].strip(), ", ".join(exports)


def _names(text):
    """Returns the pairs (name, alias) of a list such as `a, b as c`.

    A name without an alias is its own alias.
    """
    return [(name, alias or name) for name, alias in _NAMES.findall(text)]
