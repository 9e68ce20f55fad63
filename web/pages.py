"""Rendering of pages: Jinja2 with autoescape, the reader's language, local times, and what every page carries."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2
from fastapi import Request
from fastapi.responses import HTMLResponse

from reports.cases.words import ACTION_NAMES, REASON_NAMES, ROLE_NAMES, STATE_NAMES
from reports.names import RULE_NAMES
from reports.visible import shown
from rules.catalog import RULES
from web.context import Context

LANGUAGES = ("zh", "en")
LANGUAGE_COOKIE = "muckwatch_language"
_NAMES = {
    "rule": RULE_NAMES, "state": STATE_NAMES, "action": ACTION_NAMES, "reason": REASON_NAMES, "role": ROLE_NAMES,
}  # fmt: skip
_ENGLISH_RULES = {rule.rule_id: rule.title_en for rule in RULES}
_MINUTE_MS, _HOUR_MS, _DAY_MS = 60_000, 3_600_000, 86_400_000


def language_of(request: Request) -> str:
    """The language that the reader has chosen; Chinese until he does."""
    chosen = request.cookies.get(LANGUAGE_COOKIE, "zh")
    return chosen if chosen in LANGUAGES else "zh"


def render(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page as the reader sees it."""
    context: Context = request.app.state.context
    language = language_of(request)
    session = getattr(request.state, "session", None)
    user = session.user if session else None
    common = {
        "request": request,
        "lang": language,
        "t": lambda text: told(text, language),
        "named": lambda kind, key: named(kind, key, language),
        "when": lambda ms, seconds=False: when(ms, context, seconds),
        "age": lambda ms: age(context.now_ms() - ms, language),
        "user": user,
        "csrf": session.csrf if session else "",
        "now_ms": context.now_ms(),
        "policy": context.registry.policy,
        "districts": {d.district_id: d.name for d in context.registry.districts},
    }
    html = _environment().get_template(template).render(**common, **values)
    return HTMLResponse(html, status_code=status)


def told(text: str, language: str) -> str:
    """A text of ours in the reader's language."""
    return english().get(text, text) if language == "en" else text


@lru_cache(maxsize=1)
def english() -> dict[str, str]:
    """The words of `english.toml`, by their Chinese."""
    read = tomllib.loads(Path(__file__).with_name("english.toml").read_text(encoding="utf-8"))
    return {chinese: str(text) for chinese, text in read.items()}


def named(kind: str, key: str | None, language: str) -> str:
    """The name of a rule, state, action, reason or role in the reader's language; an unknown one is shown as it is."""
    if not key:
        return ""
    if kind == "rule" and language == "en":
        return _ENGLISH_RULES.get(key, key)
    return told(_NAMES[kind].get(key, key), language)


def when(at_ms: int | None, context: Context, seconds: bool = False) -> str:
    """An instant as the bureau's wall clock shows it."""
    if at_ms is None:
        return ""
    local = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(context.registry.zone)
    return local.strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")


def age(span_ms: int, language: str) -> str:
    """How long ago, roughly."""
    days, hours, minutes = span_ms // _DAY_MS, span_ms // _HOUR_MS, max(span_ms, 0) // _MINUTE_MS
    if days >= 1:
        return f"{days} 天" if language == "zh" else f"{days} d"
    if hours >= 1:
        return f"{hours} 小时" if language == "zh" else f"{hours} h"
    return f"{minutes} 分钟" if language == "zh" else f"{minutes} min"


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=lambda value: shown(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
