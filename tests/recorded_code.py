"""The code of the built-in steps as a hash each, and the record of it: `python -m tests.recorded_code` writes it anew.

The built-in steps say their version, so the engine reuses their results whatever their code is. The record keeps that
true: `test_recorded_code.py` fails when a step's code changes without a look at its version.
"""

import ast
import hashlib
import json
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROOM = "jobs.tabular"
RECORD = Path(__file__).with_name("recorded_code.json")


def recorded():
    """Return the version and the hash of each step, as they were recorded."""
    return json.loads(RECORD.read_text())


def current():
    """Return the version and the hash of each step, as the code is now."""
    from jobs.pipelines import registry

    known = [step for pipeline in registry.built_in() for step in pipeline.steps]
    steps = {step.name: (step.version, step.function.__module__) for step in known}
    return {name: {"version": version, "code": code_of(module)} for name, (version, module) in steps.items()}


def code_of(module):
    """Return the hash of a module and of all modules of the room that it imports, directly or not, wherever in them."""
    shapes = [f"{name} {_shape(_tree(name))}" for name in sorted(reached(module))]
    return hashlib.sha256("\n".join(shapes).encode()).hexdigest()[:16]


def reached(module):
    """Return the modules of the room that a module needs, itself among them."""
    modules, todo = set(), [module]
    while todo:
        name = todo.pop()
        if name not in modules:
            modules.add(name)
            todo += _imports(name)
    return modules


def _imports(module):
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(ROOM):
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            yield from (name for name in names if _path(name).is_file())
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith(f"{ROOM}."))


def _path(module):
    return ROOT / f"{module.replace('.', '/')}.py"


def _tree(module):
    return ast.parse(_path(module).read_text())


def _shape(node):
    """Return code as text in which imports, comments, docstrings, lines and the version of Python play no part."""
    if isinstance(node, list):
        return f"[{' '.join(map(_shape, node))}]"
    if not isinstance(node, ast.AST):
        return f"{type(node).__name__}:{node!r}"
    parts = []
    for name, value in ast.iter_fields(node):
        if name == "body" and isinstance(value, list):
            value = [each for each in value if not _is_words(each)]
        if value not in (None, []) and name != "kind":
            parts.append(f"{name}={_shape(value)}")
    return f"{type(node).__name__}({' '.join(parts)})"


def _is_words(node):
    """Return whether a statement does nothing by itself: an import, whose module is recorded too, or a docstring."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return True
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    RECORD.write_text(json.dumps(current(), indent=2) + "\n")
