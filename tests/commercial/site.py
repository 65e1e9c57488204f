"""The example site of commercial insurance, put together as its README says: the shipped maps and schemas below it."""

from __future__ import annotations

from pathlib import Path

from engine.site.files import read_files

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "docs/examples/commercial_insurance"
ITS_CHANNELS = ("insurance_signin",)
"""What it takes of the shipped channels."""


def example_files() -> dict[str, bytes]:
    """All files of the site by their names."""
    shipped = {
        name: content for name, content in read_files(ROOT).items()
        if name.startswith(("mappings/", "schemas/")) or name in {f"channels/{one}.yaml" for one in ITS_CHANNELS}
    }  # fmt: skip
    return {**shipped, **read_files(EXAMPLE)}


def write_site(folder: Path) -> None:
    """The same as files, for the commands."""
    for name, content in example_files().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
