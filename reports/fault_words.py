"""Why a terminal or a fix is not believed, in Chinese; the engine gives reasons in English, in few and fixed forms."""

from __future__ import annotations

import re

from reports.names import DATUM_NAMES, name_of
from rules.catalog import RULES
from rules.tags import Tag

_FORMS = (
    (
        r"stands and routes fit (?P<found>\w+) \((?P<fit>[\d.]+)\), not (?P<told>\w+) \((?P<misfit>[\d.]+)\)",
        "停车点和路线按 {found} 的吻合度为 {fit}，按申报的 {told} 仅 {misfit}（满分 2）",
    ),
    (
        r"body up at more than (?P<kmh>\d+) km/h in (?P<driving>\d+) of (?P<raised>\d+) raised fixes",
        "举升状态的 {raised} 个定位点中有 {driving} 个时速超过 {kmh} 公里",
    ),
    (
        r"says loaded in (?P<full>\d+%) of fixes after loading(?: and|,) "
        r"(?P<emptied>\d+%) after (?:leaving the load|unloading)",
        "装载后报重车的占 {full}，卸载后仍报重车的占 {emptied}",
    ),
    (
        r"clock (?P<hours>\d+) h (?P<way>ahead|behind) of the trucks heard at the same time; judged in their time",
        "时钟比同时上报的其他车辆{way} {hours} 小时，已按其他车辆的时间判定",
    ),
    (
        r"clock 8 h off the trucks heard at the same time in some fixes; not judged by rules that ask the time",
        "部分定位点的时间与同时上报的其他车辆相差 8 小时，无法更正，与时段有关的规则不予判定",
    ),
    (
        r"clock may be 8 h (?P<way>ahead|behind): no driving within the permitted hours as told, "
        r"(?P<fit>\d+%) if it is; judged as told, look at the terminal first",
        "时钟可能{way} 8 小时：按上报时间没有一段行车在核准时段内，若时钟有误则 {fit} 在内；"
        "仍按上报时间判定，请先核对终端时钟",
    ),
    (
        r"longitude and latitude exchanged in (?P<fixes>[\d,]+) fixes; read the right way round",
        "{fixes} 个定位点的经纬度颠倒，已换回",
    ),
    (
        r"times 1,024 weeks back in (?P<fixes>[\d,]+) fixes \(GPS week roll-over\); read at the right time",
        "{fixes} 个定位点的时间早 1024 周（GPS 周翻转），已更正",
    ),
    (r"open in (?P<share>\d+%) of fixes on the road", "行车中报未密闭的占 {share}"),
    (
        r"turns (?P<turns>\d+) times in (?P<steps>\d+) steps while driving",
        "行车中相邻 {steps} 次上报里密闭状态跳变 {turns} 次",
    ),
    (r"always loaded", "始终报重车"),
    (r"always empty", "始终报空车"),
)
_WORDS = tuple((re.compile(form), words) for form, words in _FORMS)


def fault_reason(why: str) -> str:
    """The engine's reason in Chinese; a reason of another form stays as it is."""
    for form, words in _WORDS:
        found = form.fullmatch(why)
        if found:
            return words.format(**{key: _datum(value) for key, value in found.groupdict().items()})
    return why


def tag_use(word: str) -> str:
    """In Chinese, what the rules make of fixes with a tag; nothing for a tag that this version does not know."""
    tag = next((tag for tag in Tag if tag.word == word), None)
    if tag is None:
        return ""
    using = [rule.title_zh for rule in RULES if tag in rule.accepts]
    without = [rule.title_zh for rule in RULES if tag not in rule.accepts]
    if not without:
        return "照常采用"
    if len(using) > len(without):
        return f"不用于：{'、'.join(without)}"
    return f"仅用于：{'、'.join(using)}" if using else "不采用"


def _datum(text: str) -> str:
    """A datum's short name, a clock's way in Chinese; any other text as it is."""
    if text in ("ahead", "behind"):
        return "快" if text == "ahead" else "慢"
    return name_of(DATUM_NAMES, text).partition("（")[0]
