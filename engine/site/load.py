"""`load(folder)`: a Site, or everything that is wrong with it. Used by lint, test, run, reload and plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from engine.config.engine_file import EngineFile
from engine.config.problems import Problem, failing, in_order
from engine.parties.contract import Party
from engine.parties.registry import PARTIES
from engine.site.advice import check_advice
from engine.site.callers import check_callers
from engine.site.compiled import compiled
from engine.site.deliver import check_deliver
from engine.site.descriptions import check_descriptions
from engine.site.files import hash_of, pinned_part, read_files, whole_part
from engine.site.flow import check_flow
from engine.site.handed import check_handed
from engine.site.hl7 import check_hl7
from engine.site.money import check_money
from engine.site.names import check_names
from engine.site.parts import Parts, read_parts
from engine.site.paying import check_paying
from engine.site.settings import check_settings
from engine.site.site import Site
from engine.site.soap import check_soap

Files = Mapping[str, bytes]


def load(root: Path | Files, *, parties: Mapping[str, Party] = PARTIES) -> Site | list[Problem]:
    """The site of a folder (or of files by path), compiled; or all problems, when one of them is an error.

    Reads no secret and reaches no party. OSError when the folder itself cannot be read.
    """
    files = read_files(root) if isinstance(root, Path) else root
    return _site(files, parties, None)


def load_again(files: Files, *, parties: Mapping[str, Party] = PARTIES) -> Site | list[Problem]:
    """A version that was in force before, of its stored files, engine.yaml among them. It was judged when it was new:
    rules of lint that came later do not apply."""
    return _site(files, parties, None, whole=False)


def load_pinned(
    files: Files, engine: EngineFile, *, parties: Mapping[str, Party] = PARTIES
) -> Site | list[Problem]:
    """The site that a settlement in flight began with, of its stored files, with today's addresses and secrets.

    Rules of lint that came later do not apply to it; problems only when it cannot be compiled any more."""
    return _site(files, parties, engine, whole=False)


def lint(root: Path | Files, *, parties: Mapping[str, Party] = PARTIES) -> list[Problem]:
    """Every problem and every advice, in order of place; [] for a site without fault."""
    made = load(root, parties=parties)
    return list(made.advice) if isinstance(made, Site) else made


def with_engine(site: Site, engine: EngineFile) -> Site:
    """The same content with another node file (addresses changed while running)."""
    return replace(site, engine=engine)


def on_node(site: Site, node: EngineFile) -> Site:
    """The site on a node whose name, profile, clock, store and keys are already what they are."""
    engine = replace(
        site.engine, name=node.name, profile=node.profile, clock=node.clock, store=node.store, keys=node.keys
    )
    return replace(site, engine=engine)


def _site(
    files: Files, parties: Mapping[str, Party], engine: EngineFile | None, *, whole: bool = True
) -> Site | list[Problem]:
    parts = read_parts(files, parties, engine, stored=not whole)
    _check(parts, files, whole=whole)
    problems = in_order(parts.found)
    if failing(problems) or parts.engine is None:
        return problems
    kept, source = pinned_part(files), whole_part(files)
    return Site(
        engine=parts.engine,
        channels={name: compiled(parts, channel) for name, channel in parts.channels.items()},
        maps=parts.maps,
        tables=parts.tables,
        schemas=parts.schemas,
        files=kept,
        content_hash=hash_of(kept),
        advice=tuple(problems),
        source=source,
        version=hash_of(source),
    )


def _check(parts: Parts, files: Files, *, whole: bool) -> None:
    """The passes over all files together. Not `whole`: a stored site, which was judged when it was new; only its
    names must still lead somewhere, or settlements in flight could not go on."""
    check_names(parts)
    check_hl7(parts)
    if not whole:
        return
    check_settings(parts, files)
    check_callers(parts)
    check_descriptions(parts, files)
    check_soap(parts)
    check_money(parts)
    check_paying(parts)
    check_deliver(parts)
    check_flow(parts)
    check_handed(parts)
    check_advice(parts)
