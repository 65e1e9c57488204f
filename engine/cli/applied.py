"""What a start begins with: the version that was applied last, or the folder as long as nothing was ever applied.

A restart at night must not take what somebody has half edited in the folder. `engine run --folder` does, on purpose.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engine.cli.folder import node_file, reading, shown
from engine.cli.say import CannotRun, trouble
from engine.cli.versions import folder_files

if TYPE_CHECKING:
    from engine.site.site import Site


def applied_site(root: Path) -> Site | None:
    """The site that was applied or rolled back to last; None when the folder decides. CannotRun when this program does
    not read it any more."""
    from engine.site.files import bytes_of, hash_of
    from engine.site.load import load_again, on_node
    from engine.site.site import Site
    from engine.store.site_versions import in_force, version_files

    file = node_file(root)
    try:
        with reading(root) as conn:
            turn = in_force(conn)
            files = version_files(conn, turn) if turn is not None and turn.kind != "start" else None
    except CannotRun:  # no store yet, or one to be migrated first: the start itself will say what is wrong
        return None
    if turn is None or files is None:
        return None
    made = load_again(bytes_of(files))
    if not isinstance(made, Site):
        told = "本程序已不能读取启用的版本 · this program does not read the version in force any more"
        raise CannotRun(f"{shown(root, made)}\n\n{told}: {turn.version[:12]}\n  engine run --folder")
    if hash_of(folder_files(root)) != turn.version:
        trouble(
            f"以启用的版本 {turn.version[:12]} 启动（{turn.by}），目录中的文件与它不同：engine plan · "
            f"starting with {turn.version[:12]} as applied by {turn.by}; the folder's files differ: engine plan"
        )
    return on_node(made, file)  # the folder's store and keys were needed to find the version
