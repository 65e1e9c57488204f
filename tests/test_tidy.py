"""The house rules as a test: layers import only downwards, files and functions stay readable, nothing is left lying."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60

# What each layer may import of the engine, besides itself; and packages it must never touch.
LAYERS: dict[str, tuple[set[str], set[str]]] = {
    "core": (set(), {"twisted", "sqlalchemy", "pydantic", "yaml", "cel", "lxml", "cryptography", "structlog"}),
    "config": ({"core"}, {"twisted", "sqlalchemy"}),
    "codecs": ({"core", "config"}, {"twisted", "sqlalchemy"}),
    "parties": ({"core", "config", "codecs"}, {"twisted", "sqlalchemy"}),
    "pipeline": ({"core", "config"}, {"twisted", "sqlalchemy"}),
    "saga": ({"core"}, {"twisted", "sqlalchemy", "pydantic", "yaml", "cel", "lxml", "cryptography", "structlog"}),
    "masking": ({"core", "codecs"}, {"twisted", "sqlalchemy"}),
    "conformance": ({"core", "config", "codecs", "parties", "masking"}, {"twisted", "sqlalchemy"}),
    "site": ({"core", "config", "codecs", "parties", "pipeline", "saga"}, {"twisted", "sqlalchemy"}),
    "store": ({"core", "saga"}, {"yaml", "cel", "lxml", "pydantic"}),
    "connectors": ({"core", "config", "codecs"}, {"yaml", "cel", "lxml", "pydantic"}),
    "runtime": (
        {"core", "config", "codecs", "parties", "pipeline", "saga", "masking", "site", "store", "connectors"},
        {"sqlalchemy"},
    ),
    "console": ({"core", "config", "parties", "site", "saga", "store", "masking", "runtime"}, {"sqlalchemy", "lxml"}),
}


def _sources(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def _imports(path: Path) -> set[str]:
    """Dotted names a file imports, those under TYPE_CHECKING too: a layer is a layer for readers as well."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_imports_only_downwards(layer: str) -> None:
    allowed, banned = LAYERS[layer]
    wrong = []
    for path in _sources(f"engine/{layer}"):
        for name in _imports(path):
            parts = name.split(".")
            if parts[0] == "engine" and len(parts) > 1 and parts[1] not in allowed | {layer}:
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
            if parts[0] in banned:
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
            if parts[0] == "simulators":
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert not wrong, "\n".join(wrong)


def test_a_connector_keeps_its_heavy_packages_to_itself() -> None:
    """SQLAlchemy's Core only where other people's databases are talked to, SSH only where SFTP is."""
    homes = {"sqlalchemy": "engine/connectors/sql", "twisted.conch": "engine/connectors/files"}
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in _sources("engine/connectors")
        for name in _imports(path)
        for package, home in homes.items()
        if (name == package or name.startswith(f"{package}.")) and not path.is_relative_to(ROOT / home)
    ]
    assert not wrong, "\n".join(wrong)


def test_every_folder_of_the_engine_is_a_known_layer() -> None:
    folders = {path.name for path in (ROOT / "engine").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders - {"cli"} <= set(LAYERS), "say in LAYERS what a new folder may import"


def test_simulators_know_nothing_of_the_engine() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in _sources("simulators")
        for name in _imports(path)
        if name.partition(".")[0] == "engine"
    ]
    assert not wrong, "\n".join(wrong)


def test_files_and_functions_stay_readable() -> None:
    wrong = []
    for path in _sources("engine") + _sources("simulators"):
        text = path.read_text(encoding="utf-8")
        if text.count("\n") > FILE_LINES_MAX:
            wrong.append(f"{path.relative_to(ROOT)} has {text.count(chr(10))} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                size = (node.end_lineno or node.lineno) - node.lineno + 1
                if size > FUNCTION_LINES_MAX:
                    wrong.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}() has {size} lines")
    assert not wrong, "\n".join(wrong)


def test_every_module_says_what_it_is_for() -> None:
    wrong = []
    for path in _sources("engine") + _sources("simulators"):
        text = path.read_text(encoding="utf-8")
        if text.strip() and ast.get_docstring(ast.parse(text)) is None:
            wrong.append(str(path.relative_to(ROOT)))
    assert not wrong, "\n".join(wrong)


def test_no_engine_module_lies_unused() -> None:
    """Every module is imported by another, by name in a registry, or is an entry point."""
    everything = _sources("engine") + _sources("simulators") + _sources("tests") + _sources("bench")
    named: set[str] = set()
    texts = ""
    for path in everything:
        text = path.read_text(encoding="utf-8")
        texts += text
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                named |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                named.add(node.module)
                named |= {f"{node.module}.{alias.name}" for alias in node.names}
    unused = []
    for path in _sources("engine"):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        entry = path.name in ("__init__.py", "__main__.py")
        if not entry and module not in named and f'"{module}' not in texts:
            unused.append(module)
    assert not unused, "\n".join(unused)
