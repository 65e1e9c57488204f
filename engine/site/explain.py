"""`engine explain WORD`: a code's story, a component's fields, a party's operations and settings, a call's answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from engine.config import channel, channel_rows, engine_parts, map_file
from engine.config.engine_file import ENGINE_FILE
from engine.config.problems import CODES, Code, nearest
from engine.config.spec import ListOf, MapOf, Nested, Spec, field_line, help_lines
from engine.parties.contract import Party
from engine.parties.registry import PARTIES
from engine.parties.settings import help_line as setting_line
from engine.parties.settings import settings_help
from engine.pipeline import codes as pipeline_codes  # importing it declares them
from engine.pipeline.filters import FILTERS, SPECIAL
from engine.site.site import CallSpec, Site

_ROOTS: Mapping[str, Spec] = {
    "engine.yaml": ENGINE_FILE,
    **channel.CHANNELS,
    **channel.step_help(),
    "call": channel_rows.CALL_ROW,
    "listen": channel_rows.LISTEN,
    "hears": channel_rows.HEARS,
    "steps": channel.SETTLE,
    "schedule": channel_rows.EVERY,
    "map": map_file.MAP_FILE,
    "party": engine_parts.PARTY,
}


assert pipeline_codes.__all__, "the pipeline's codes are declared"


def _nested(kind: Any) -> Iterator[Spec]:
    if isinstance(kind, Nested):
        yield kind.spec
    elif isinstance(kind, ListOf | MapOf):
        yield from _nested(kind.item)


def _components() -> dict[str, Spec]:
    found = dict(_ROOTS)
    todo = list(_ROOTS.values())
    while todo:
        for field in todo.pop().fields:
            for part in _nested(field.type):
                if found.setdefault(part.name, part) is part:
                    todo.append(part)
    return found


COMPONENTS: Mapping[str, Spec] = _components()
"""Every spec by the name it is explained under."""


def explain(word: str, site: Site | None = None, lang: str = "zh", parties: Mapping[str,
Party] = PARTIES) -> str | None:
    """The text for a code (`E412`), a component (`call`, `do`, `listener`), `filters`, a kind of party (`wechat`), one
    of its settings (`wechat.fee_bp`), or, with a site, a call (`pay.code`, or `channel/pay.code`) and a connection's
    setting (`his_hl7.charset` where `his_hl7` is of kind mllp); None when the word is none of these."""
    if word in CODES:
        return story(CODES[word], lang)
    if word == "filters":
        return "\n".join(_filter_lines(lang))
    if word in COMPONENTS:
        return "\n".join(help_lines(COMPONENTS[word], lang))
    if word in set(parties):
        return "\n".join(_party_lines(parties[word], lang))
    calls = list(_calls(site, word)) if site else []
    told = ["\n".join(_call_lines(name, call, site, parties)) for name, call in calls if site]
    return "\n\n".join([*told, *_a_setting(word, site, lang, parties)]) or None


def _a_setting(word: str, site: Site | None, lang: str, parties: Mapping[str, Party]) -> Iterator[str]:
    """`CONNECTION.SETTING` of the site, else `KIND.SETTING`."""
    whose, _, name = word.partition(".")
    entry = site.engine.parties.get(whose) if site else None
    kind = entry.kind if entry is not None else whose
    if kind not in set(parties):
        return
    one = settings_help(parties[kind].settings).get(name)
    common = next((field for field in engine_parts.PARTY.fields if field.name == name), None)
    if one is not None:
        yield f"{kind}\n{setting_line(one, lang)}"
    elif common is not None:
        yield f"{kind}\n{field_line(common, lang)}"


def meant(word: str, site: Site | None = None, parties: Mapping[str, Party] = PARTIES) -> str:
    """The nearest word that can be explained, or ""."""
    words = [*CODES, *COMPONENTS, *parties, "filters"]
    words += [f"{kind}.{name}" for kind, party in parties.items() for name in settings_help(party.settings)]
    words += [name for one in site.channels.values() for name in one.calls] if site else []
    return nearest(word, words)


def story(code: Code, lang: str = "zh") -> str:
    """A code's sentence, why it matters, and its example."""
    chinese = lang == "zh"
    sentence, why = (code.zh, code.story_zh) if chinese else (code.en, code.story_en)
    bad, good = ("错误：", "正确：") if chinese else ("wrong:", "right:")
    said = sentence.format_map(_Dots())
    return f"{code.code}  {said}\n\n{why}\n\n{bad}\n{_indented(code.wrong)}\n{good}\n{_indented(code.right)}"


class _Dots(dict[str, str]):
    """Stands for whatever a sentence has yet to be filled with."""

    def __missing__(self, key: str) -> str:
        return "…"


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.split("\n"))


def _filter_lines(lang: str) -> Iterable[str]:
    rows = [(spec.usage, spec.zh, spec.en) for spec in FILTERS.values()]
    for usage, zh, en in [*rows, *SPECIAL.values()]:
        yield f"  {usage}    {zh if lang == 'zh' else en}"


def _party_lines(party: Party, lang: str) -> Iterator[str]:
    yield party.kind
    for op in party.ops.values():
        marks = [name for name, on in (("changes", op.changes), ("money", op.money), ("session", op.session)) if on]
        marks += [f"number: {op.number}"] if op.number else []
        yield f"  {op.name}    {op.zh if lang == 'zh' else op.en}    {', '.join(marks)}".rstrip()
    settings = [setting_line(one, lang) for one in settings_help(party.settings).values()]
    if settings:
        yield ""
        yield "设置" if lang == "zh" else "settings"
        yield from settings


def _calls(site: Site, word: str) -> Iterator[tuple[str, CallSpec]]:
    wanted_channel, _, wanted = word.rpartition("/")
    for name, one in site.channels.items():
        if wanted in one.calls and wanted_channel in ("", name):
            yield f"{name}/{wanted}", one.calls[wanted]


def _call_lines(name: str, call: CallSpec, site: Site | None, parties: Mapping[str, Party]) -> Iterator[str]:
    """The outcome table in force: the first row that fits decides; what fits no row is unknown."""
    yield f"{name}: {call.party} {call.op}, wait {call.wait:g}s, repeats {call.repeats}"
    yield "  (not intact: envelope broken, signature wrong, HTTP error) → unknown"
    for row in call.rows:
        yield f"  site   {_row(row.code, row.text)} → {row.outcome}{'  ' + row.because if row.because else ''}"
    entry = site.engine.parties.get(call.party) if site else None
    party = parties[entry.kind] if entry is not None and entry.kind in set(parties) else None
    for row in party.outcomes if party else ():
        if not row.ops or call.op in row.ops:
            yield f"  party  {_row(row.code, row.text)} → {row.outcome}{'  ' + row.because if row.because else ''}"
    yield "  (anything else) → unknown"


def _row(code: str, text: str) -> str:
    return f"{code} “{text}”" if text else code
