"""Render the PDF of a statement with Typst. The same content gives the same bytes.

The layout is `statement.typ`. Fonts are those in Typst's own wheel, so a machine's fonts change nothing.
"""

import json
import tempfile
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import typst

from licensing.statements import wording
from licensing.statements.models import Logo

LAYOUT = Path(__file__).with_name("statement.typ")
LAYOUT_VERSION = 1
TEMPLATE = f"layout {LAYOUT_VERSION}, typst {version('typst')}"
# Tagged and readable by screen readers (PDF/UA-1).
STANDARDS: list[Any] = ["ua-1"]
SUFFIXES = {Logo.MediaType.PNG: ".png", Logo.MediaType.JPEG: ".jpg", Logo.MediaType.SVG: ".svg"}


class Renderer:
    """Compile statements of one partner. The layout is read and the logo decoded once.

    Use it as a context: its folder holds what Typst may read, and nothing else is in its reach.
    """

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="statement-")
        self._root = Path(self._folder.name)
        main = self._root / "main.typ"
        main.write_bytes(LAYOUT.read_bytes())
        self._compiler = typst.Compiler(input=str(main), root=str(self._root), ignore_system_fonts=True)

    def __enter__(self) -> "Renderer":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        self._folder.cleanup()

    def pdf(self, content: dict[str, Any], logo: Logo | None = None) -> bytes:
        """Return the PDF. Its creation date is the moment of issue."""
        return self._compile(content, logo, format="pdf", pdf_standards=STANDARDS)

    def _compile(self, content: dict[str, Any], logo: Logo | None, **options: Any) -> bytes:
        inputs = {"data": json.dumps(wording.words(content)), "logo": self._path_of(logo)}
        moment = datetime.fromisoformat(content["issued_at"])
        made = self._compiler.compile(sys_inputs=inputs, timestamp=moment, **options)
        assert isinstance(made, bytes)
        return made

    def _path_of(self, logo: Logo | None) -> str:
        if logo is None:
            return ""
        name = f"logo-{logo.digest}{SUFFIXES[Logo.MediaType(logo.media_type)]}"
        if not (self._root / name).exists():
            (self._root / name).write_bytes(bytes(logo.content))
        return f"/{name}"


def check_logo(content: bytes, media_type: str) -> None:
    """Raise typst.TypstError for a picture that Typst cannot show."""
    with tempfile.TemporaryDirectory(prefix="statement-") as folder:
        name = f"logo{SUFFIXES[Logo.MediaType(media_type)]}"
        (Path(folder) / name).write_bytes(content)
        (Path(folder) / "main.typ").write_text(f'#image("{name}", height: 1.5cm)')
        typst.compile(str(Path(folder) / "main.typ"), root=folder, ignore_system_fonts=True)
