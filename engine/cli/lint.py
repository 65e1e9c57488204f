"""`engine lint`: every problem of a configuration at once, each at its place."""

from __future__ import annotations

from pathlib import Path

from engine.cli.folder import shown
from engine.cli.say import FOUND, GOOD, CannotRun, document, language, line


def lint(root: Path, as_json: bool = False, lang: str = "zh") -> int:
    """Print them. Exit code 1 when one is an error; advice alone is 0."""
    from engine.config.problems import as_json as public
    from engine.config.problems import failing
    from engine.site.load import lint as problems_of

    language(lang)
    try:
        problems = problems_of(root)
    except OSError as no:
        raise CannotRun(f"配置目录无法读取 · cannot read the configuration: {no}") from None
    wrong = len(failing(problems))
    if as_json:
        document([public(item) for item in problems])
        return FOUND if wrong else GOOD
    if problems:
        line(shown(root, problems, lang))
        line()
    advice = len(problems) - wrong
    line(f"{wrong} 个错误，{advice} 条建议" if lang == "zh" else f"{wrong} errors, {advice} pieces of advice")
    return FOUND if wrong else GOOD
