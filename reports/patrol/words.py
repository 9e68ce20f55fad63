"""The patrol plan in Chinese: who takes part for which kind of violation, and why a checkpoint was chosen."""

from __future__ import annotations

from datetime import date

from reports.calendar import Week
from reports.names import RULE_NAMES, WEEKDAY_NAMES, name_of

LEAD = "城管（牵头）"
#: Only the traffic police may stop a moving vehicle, so they are always there.
ALWAYS = (LEAD, "公安交警")
#: Whose matter a rule is beside theirs.
AGENCIES_OF_RULE = {
    "no_permit": ("住建",),
    "wrong_destination": ("住建",),
    "unauthorised_dumping": ("生态环境", "属地街道"),
    "quiet_zone": ("生态环境",),
    "uncovered_load": ("生态环境",),
    "outside_hours": ("住建",),
    "signal_loss": ("交通运输",),
    "cloned_plate": ("交通运输",),
    "daytime_not_whitelisted": ("交通运输",),
}
#: A rule brings its agency along if it makes up this share of what is seen at the stop.
_SHARE = 0.2
_RULES_TOLD = 3


def agencies_of(rules: tuple[tuple[str, int], ...]) -> tuple[str, ...]:
    """Who takes part where these violations are seen."""
    total = sum(count for _, count in rules)
    own = [a for rule, count in rules if count >= _SHARE * total for a in AGENCIES_OF_RULE.get(rule, ())]
    return tuple(dict.fromkeys([*ALWAYS, *own]))


def weeks_text(weeks: tuple[Week, ...]) -> str:
    """`近 4 周（第 44—47 周）`, latest first as given."""
    if len(weeks) == 1:
        return f"第 {weeks[0].number} 周"
    return f"近 {len(weeks)} 周（第 {weeks[-1].number}—{weeks[0].number} 周）"


def day_text(day: date) -> str:
    """`周四 11月19日`."""
    return f"{WEEKDAY_NAMES[day.weekday()]} {day.month}月{day.day}日"


def reason_of(
    weeks: tuple[Week, ...], hours: str, seen: int, trucks: int, rules: tuple[tuple[str, int], ...], expected: float,
    travel_s: int, again: int = 0,
) -> str:  # fmt: skip
    """Why a team stands there, in one sentence a squad leader can check; `again`: which other one stands there, too."""
    kinds = "、".join(f"{name_of(RULE_NAMES, rule)} {count} 起" for rule, count in rules[:_RULES_TOLD])
    more = "等" if len(rules) > _RULES_TOLD else ""
    drive = f"，从上一点位驶来约 {max(1, round(travel_s / 60))} 分钟" if travel_s > 0 else ""
    past = f"{weeks_text(weeks)}里，各日 {hours} 共有 {seen} 起疑似违规经过此处"
    whose = f"（{kinds}{more}，涉及 {trucks} 辆车）" if seen else ""
    twice = f"；与第 {again} 次同处设点，因改设别处预计明显少遇" if again else ""
    return f"{past}{whose}；折算到这一班，预计可遇 {expected:.1f} 起{drive}{twice}。"


def no_plan_text(weeks: tuple[Week, ...]) -> str:
    """Said where nothing can be planned."""
    return f"{weeks_text(weeks)}没有经过可设点道路的疑似违规，无从排班。" if weeks else "此前没有数据，无从排班。"
