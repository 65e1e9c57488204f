"""`engine docs --out DIR`: the interface document and OpenAPI of a configuration, as files to hand out."""

from __future__ import annotations

import json
from pathlib import Path

from engine.cli.folder import loaded
from engine.cli.say import GOOD, CannotRun, line


def docs(root: Path, out: Path) -> int:
    """Write `interface.html`, `openapi.json` and a WSDL for each SOAP service: what the engine serves itself."""
    from engine.runtime.interface.page import page
    from engine.runtime.openapi import document
    from engine.runtime.soap_service import service_of

    site = loaded(root)
    files = {
        **{
            f"{channel.name}.wsdl": service_of(site, channel).at(f"http://engine{channel.soap.path}").decode()
            for channel in site.channels.values()
            if channel.soap is not None
        },
        "interface.html": page(site),
        "openapi.json": json.dumps(document(site), ensure_ascii=False, indent=1) + "\n",
    }
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (out / name).write_text(text, encoding="utf-8")
            line(str(out / name))
    except OSError as no:
        raise CannotRun(f"无法写入 · cannot write: {no}") from None
    return GOOD
