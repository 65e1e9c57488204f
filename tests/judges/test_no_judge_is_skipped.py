"""The rule of this folder, held against itself: who skips here fails; a judge that cannot be installed raises."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.judges import venvs

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("how", ["pytest.skip('no judge here')", "pytest.importorskip('no_such_judge')"])
def test_a_skip_fails_the_run(tmp_path: Path, how: str) -> None:
    (tmp_path / "test_one.py").write_text(f"import pytest\n\n\ndef test_one():\n    {how}\n")
    command = [sys.executable, "-m", "pytest", "-p", "tests.judges.conftest", f"--rootdir={tmp_path}", "test_one.py"]
    done = subprocess.run(  # noqa: S603 our own test
        command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}, capture_output=True, check=False
    )
    assert done.returncode == 1, done.stdout.decode()
    assert b"may not be skipped" in done.stdout


def test_a_lock_that_does_not_fit_raises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "false.lock").write_text(f"six==1.17.0 --hash=sha256:{'0' * 64}\n")
    monkeypatch.setattr(venvs, "HERE", tmp_path)
    monkeypatch.setattr(venvs, "HOME", tmp_path / "made")
    with pytest.raises(venvs.NoJudge):
        venvs.python_of("false")
    assert not (tmp_path / "made" / "false" / ".made").exists()
