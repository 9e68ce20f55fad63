"""What browser tests share: hostile text, and a page with what it asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Page

#: Text that some layer would run or choke on: Jinja, HTML, JavaScript templates, line separators, spreadsheets, SQL.
HOSTILE = (
    "{{7*7}}",
    "{{ cycler.__init__.__globals__.os.getpid() }}",
    "50{% 完成",
    "{# c #}",
    "</script><script>window.pwned=1</script>",
    "<img src=x onerror=window.pwned=1>",
    "${window.pwned=1}`",
    "a\u2028b\u2029c",
    "'; drop table fixes; --",
    '"><svg/onload=window.pwned=1>',
    "<!--<script>",
    "&lt;b&gt;",
    "\\u003cb\\u003e",
    "=cmd()",
    "@@muckwatch-data@@",
)


@dataclass
class Opened:
    """A page, and what it asked for and complained of while it was open."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def js(self, expression: str, argument: Any = None) -> Any:
        return self.page.evaluate(expression, argument)
