"""Modules become one script. An error names a form that is not supported."""

import pathlib
import shutil
import subprocess

import pytest

from keras_transformer.explorer import bundle

FRONT_END = pathlib.Path(bundle.__file__).parent / "front_end"


def write(folder, **files):
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.js"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder / "main.js"


def run(script, folder):
    """Runs a script in Node; returns the words that it prints."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node to run the script with")
    path = folder / "script.mjs"
    path.write_text(script, encoding="utf-8")
    result = subprocess.run([node, path], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout.split()


@pytest.mark.process
def test_names_of_modules_do_not_clash(tmp_path):
    main = write(
        tmp_path,
        main='import { size, Box as Other } from "./a.js";\n'
        'import {\n  double,\n} from "./folder/b.js";\n'
        "const hidden = 3;\n"
        "console.log(hidden, size, double(5), new Other().size());\n",
        a="const hidden = 7;\nexport const size = hidden + 4;\n"
        "export class Box {\n  size() {\n    return hidden;\n  }\n}\n",
        folder__b='import { size } from "../a.js";\n'
        "const hidden = 13;\n"
        "export function double(x) {\n  return 2 * x + size + hidden;\n}\n",
    )
    script = bundle.bundle(main)
    assert run(script, tmp_path) == ["3", "11", "34", "7"]
    assert script.count("const size = hidden + 4") == 1, "a is there once"


@pytest.mark.process
def test_a_vendor_file_has_a_list_of_exports(tmp_path):
    main = write(
        tmp_path,
        main='import { h, render as draw } from "./vendor/v.js";\n'
        "console.log(h, draw);\n",
        vendor__v="var a=17,b=19;export{a as h,b as render};\n",
    )
    assert run(bundle.bundle(main), tmp_path) == ["17", "19"]


def test_a_vendor_file_without_a_list(tmp_path):
    main = write(
        tmp_path,
        main='import { h } from "./vendor/v.js";\n',
        vendor__v="var a=17;export default a;\n",
    )
    with pytest.raises(ValueError, match=r"v\.js, which does not"):
        bundle.bundle(main)


def test_a_cycle_is_named(tmp_path):
    main = write(
        tmp_path,
        main='import { a } from "./a.js";\n',
        a='import { b } from "./b.js";\nexport const a = 1;\n',
        b='import { a } from "./a.js";\nexport const b = 2;\n',
    )
    with pytest.raises(
        ValueError, match=r"main\.js -> a\.js -> b\.js -> a\.js"
    ):
        bundle.bundle(main)


@pytest.mark.parametrize(
    "line",
    [
        'import a from "./a.js";',
        'import * as a from "./a.js";',
        'import "./a.js";',
        'import { a } from "./a.js"',
        "import { a } from './a.js';",
        'import { a } from "a";',
        "export default a;",
        "export { a };",
        'export * from "./a.js";',
        "export let a = 1;",
        "export async function a() {}",
        'const a = import("./a.js");',
        "const a = import.meta.url;",
    ],
)
def test_other_forms_are_refused(tmp_path, line):
    main = write(tmp_path, main=f"{line}\n", a="export const a = 1;\n")
    with pytest.raises(ValueError, match=r"main\.js has a form .* Write"):
        bundle.bundle(main)


def test_a_name_that_is_not_exported(tmp_path):
    main = write(
        tmp_path,
        main='import { a, b } from "./a.js";\n',
        a="export const a = 1;\nconst b = 2;\n",
    )
    with pytest.raises(ValueError, match=r"main\.js imports .*\['b'\]"):
        bundle.bundle(main)


def test_a_missing_module(tmp_path):
    main = write(tmp_path, main='import { a } from "./a.js";\n')
    with pytest.raises(ValueError, match=r"a\.js, imported by main\.js"):
        bundle.bundle(main)


def test_modules_are_short_and_their_words_are_safe():
    """Checks rules for the page's policy, and for readable files."""
    paths = [
        path for path in FRONT_END.rglob("*.js") if path.parent.name != "vendor"
    ]
    assert len(paths) > 40
    for path in paths:
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 250, path
        for forbidden in ("innerHTML", "eval(", "new Function", "style=$"):
            assert forbidden not in text, f"{path} has {forbidden}"
