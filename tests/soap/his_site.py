"""The shipped site with its HIS behind SOAP: the connection's block is another, nothing else."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "his_soap"
FILES = {"schemas/wsdl/his_v1.wsdl": (EXAMPLE / "schemas/wsdl/his_v1.wsdl").read_bytes()}


def _block() -> str:
    """The connection as the example's page shows it, without its address."""
    page = (EXAMPLE / "README.md").read_text("utf-8")
    found = re.search(r"```yaml\n  his:\n(.*?)```", page, re.DOTALL)
    assert found is not None, "the page shows no connection"
    return "".join(line for line in found[1].splitlines(keepends=True) if not line.strip().startswith("url:"))


def _shipped() -> str:
    """The lines of the shipped connection that the other style replaces."""
    text = (ROOT / "engine.yaml").read_text("utf-8")
    found = re.search(r"  his:\n(.*?)\n  nhsa:", text, re.DOTALL)
    assert found is not None
    return found[1]


def edit(**settings: str) -> tuple[tuple[str, str], ...]:
    """Replacements in engine.yaml that switch the HIS to SOAP, with these settings of the connection besides."""
    lines = [line for line in _shipped().splitlines() if not line.strip().startswith("url:")]
    more = "".join(f"    {name}: {value}\n" for name, value in settings.items())
    block = "".join(
        line for line in _block().splitlines(keepends=True) if line.strip().partition(":")[0] not in settings
    )
    kind, *rest = lines
    return ((f"{kind}\n", block + more), *((f"{line}\n", "") for line in ["\n".join(rest)]))
