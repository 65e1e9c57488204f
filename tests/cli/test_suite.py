"""The runner of the whole suite counts what really happened."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from tests.cli.shell import HOME


@pytest.fixture
def suite() -> ModuleType:
    spec = importlib.util.spec_from_file_location("suite", HOME / ".ci/suite.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("output", "expected"), [
    ("...\n3 passed in 0.1s\n", {"passed": 3}),
    ("F.\n1 failed, 12 passed, 2 warnings in 4.20s", {"failed": 1, "passed": 12}),
    ("=== 1 passed, 2 errors in 0.1s ===", {"passed": 1, "error": 2}),
    ("Segmentation fault", {}),
])  # fmt: skip
def test_the_last_line_of_a_pytest_is_read(suite: ModuleType, output: str, expected: dict[str, int]) -> None:
    assert suite.counted(output) == expected


def _run(suite: ModuleType, monkeypatch: pytest.MonkeyPatch, folder: Path, files: dict[str, str]) -> int:
    for name, text in files.items():
        path = folder / "tests" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(suite, "HOME", folder)
    return int(suite.main(["-p", "no:cacheprovider", "-q"]))


GOOD = "def test_it():\n    pass\n"
BAD = "def test_it():\n    assert False\n"
BROKEN = "import nobody_has_this\n"
DIES = "import os\ndef test_it():\n    os._exit(9)\n"


@pytest.mark.parametrize(("files", "code", "last"), [
    ({"a/test_a.py": GOOD, "test_c.py": GOOD}, 0, "2 passed, 0 failed"),
    ({"a/test_a.py": GOOD, "b/test_b.py": BAD, "c/test_c.py": BROKEN, "d/test_d.py": DIES}, 1, "1 passed, 3 failed"),
    ({}, 1, "0 passed, 0 failed"),
])  # fmt: skip
def test_a_failure_anywhere_fails_the_whole(
    suite: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    files: dict[str, str], code: int, last: str,
) -> None:  # fmt: skip
    (tmp_path / "tests").mkdir()
    assert _run(suite, monkeypatch, tmp_path, files) == code
    assert capsys.readouterr().out.splitlines()[-1] == last
