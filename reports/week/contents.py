"""Puts a weekly report together: which sections it has, in which order, and what each says."""

from __future__ import annotations

from datetime import datetime

from reports import names
from reports.week import contents_cases as cases
from reports.week import contents_counts as counts
from reports.week import contents_data as data
from reports.week import contents_work as work
from reports.week import drawings, words
from reports.week.analysis import inspection_words, situation
from reports.week.document import Block, Document, Picture, Section, Subhead, Table, Words
from reports.week.model import WeekReport

#: Pictures from outside by the key that they are handed in under: where they go, and what they show.
WEEK_MAP, PATROL_MAP = "week-map", "patrol-"


def document_of(report: WeekReport) -> Document:
    """The report as sections, the same for every face."""
    facts = (
        ("周次", str(report.week)),
        ("统计范围", words.span(report)),
        ("数据截至", words.stamp(report, report.cutoff_ms) or "无数据"),
        ("登记资料摘要", report.registry_digest[:16] or "无"),
    )
    sections = [_situation(report)]
    if report.has_data:
        sections += _counted(report)
    sections += [*_worked(report), _data(report)]
    if report.corrections or report.changed_since_issue:
        sections.append(Section("更正", _corrected(report)))
    sections.append(Section("口径与数据版本", _notes(report)))
    made_ms = report.cutoff_ms or report.end_ms
    return Document(
        title=report.issue.heading or words.DEFAULT_TITLE,
        subtitle=words.title(report),
        number=report.issue.text,
        office=report.issue.office,
        week=str(report.week),
        facts=facts,
        warnings=words.warnings(report),
        sections=tuple(sections),
        zone=report.zone,
        made_at=datetime.fromtimestamp(made_ms // 1000, report.zone),
        annexes=(cases.clues(report), data.days(report)),
    )


def _situation(report: WeekReport) -> Section:
    if not report.has_data:
        return Section("总体情况", (Words("本周没有数据，各分项从略。请核对周次，或确认本周的定位数据是否已经入库。"),))
    blocks: list[Block] = [Words(text) for text in situation(report)]
    blocks += [drawings.cards(report), counts.overview(report), counts.families(report), counts.outcomes(report)]
    if len(report.trend) > 1:
        blocks.append(drawings.trend(report))
    return Section("总体情况", tuple(blocks))


def _counted(report: WeekReport) -> list[Section]:
    rules: list[Block] = [counts.rules(report)]
    if report.outcomes.all:
        rules.insert(0, drawings.rules(report))
    sites = (Subhead("出土工地"), counts.origins(report), Subhead("接收场所"), counts.receivers(report))
    hours: list[Block] = [counts.hours(report), *_pictures(report, WEEK_MAP)]
    vehicles = (Subhead("本周涉嫌车辆"), counts.vehicles(report), Subhead("屡次涉嫌车辆"), cases.repeaters(report))
    return [
        Section("违规类型与复核状态", tuple(rules)),
        Section("企业", (counts.companies(report),)),
        Section("车辆", vehicles),
        Section("工地与接收场所", sites),
        Section("街道", (counts.districts(report),)),
        Section("时段与地点分布", tuple(hours)),
        Section("最严重行程", (cases.trips(report),)),
        Section("可疑点位", (cases.suspects(report),)),
        Section(
            "白名单与核准证",
            (Subhead("白名单核查"), cases.whitelist(report), Subhead("即将到期的核准证与白名单"), cases.lapses(report)),
        ),
    ]


def _worked(report: WeekReport) -> list[Section]:
    held: list[Block] = [Words(text, style) for text, style in inspection_words(report)]
    held += [Subhead("本周检查记录"), work.inspections(report), Subhead("上周建议点位执行反馈"), work.yielded(report)]
    return [
        Section("联合检查", tuple(held)),
        Section("下周检查计划", (work.plan(report), *_pictures(report, PATROL_MAP))),
    ]


def _pictures(report: WeekReport, key: str) -> list[Picture]:
    titles = {WEEK_MAP: "本周线索分布图", PATROL_MAP: "检查点位图"}
    found = [(name, png) for name, png in sorted(report.pictures.items()) if name.startswith(key)]
    many = len(found) > 1
    return [Picture(name, titles[key] + (f"（{n}）" if many else ""), png) for n, (name, png) in enumerate(found, 1)]


def _data(report: WeekReport) -> Section:
    q = report.quality
    blocks: list[Block] = []
    if report.has_data and not q.falls and not q.empty_days:
        blocks.append(Words(words.completeness_verdict(report), "good"))
    blocks.append(data.quality(report))
    if report.has_data:
        blocks.append(drawings.days(report))
    optional: tuple[Table, ...] = (data.terminals(report), data.silent(report), data.unregistered(report))
    for table in (*optional, data.faults(report), data.tagged(report), data.rejected(report)):
        if table.rows or table not in optional:
            blocks += [Subhead(table.title), table]
    return Section("车辆上线与数据质量", tuple(blocks))


def _corrected(report: WeekReport) -> tuple[Block, ...]:
    blocks: list[Block] = []
    if report.changed_since_issue:
        text = (
            f"本期（{report.issue.text}）已经印发；印发以后有 {report.changed_since_issue} 项数据发生变化。"
            "印发稿不改，变化在下一期更正；本稿不是印发稿。"
        )
        blocks.append(Words(text, "warning"))
    return (*blocks, work.corrections(report))


def _notes(report: WeekReport) -> tuple[Block, ...]:
    said = [Words(f"{term}：{text}", "note") for term, text in words.notes(report)]
    versions = "；".join(f"{names.name_of(names.RULE_NAMES, rule)} {version}" for rule, version in report.rule_versions)
    said.append(Words(f"规则版本：{versions or '本周没有线索，无版本可列'}。", "note"))
    digests = f"登记资料 SHA-256 {report.registry_digest or '无'}；参数 SHA-256 {report.policy_digest}。"
    return (*said, Words(f"资料版本：{digests}", "note"))
