"""The report's tables of counts: overview, rules, companies, vehicles, sites, streets, hours."""

from __future__ import annotations

from reports import names
from reports.week import words
from reports.week.document import Amount, Cell, Column, Rate, Table
from reports.week.model import CompanyLine, Outcomes, SiteLine, VehicleLine, WeekReport
from reports.week.model_quality import Figure

#: How many lines of each ranking a page shows; the workbook has them all.
TOP_COMPANIES, TOP_VEHICLES, TOP_SITES, TOP_DISTRICTS = 30, 20, 15, 30

_OUTCOMES = (Column("open", "待复核", "int"), Column("upheld", "属实", "int"), Column("dismissed", "不属实", "int"))
_CLUES = Column("clues", "线索数", "int")
_RATE = Column("rate_per_100", "每百趟", "rate")
_POINTS = Column("points", "记分", "int")
_PREVIOUS = (Column("previous", "上周", "int"), Column("change", "环比"))
_RANK = Column("rank", "序", "int")


def _of(outcomes: Outcomes) -> tuple[Cell, ...]:
    return outcomes.live, outcomes.open, outcomes.upheld, outcomes.dismissed


def _rate(line: CompanyLine | VehicleLine | SiteLine) -> Rate | None:
    return None if line.rate_per_100 is None else Rate(line.rate_per_100, line.small)


def amount(figure: Figure, value: float | None) -> Amount | None:
    """A value of a figure, with the decimals that it is printed with."""
    return None if value is None else Amount(value, words.digits_of(figure), figure.unit == "%")


def overview(report: WeekReport) -> Table:
    """The headline figures against the week before and the four before this one."""
    rows: list[tuple[Cell, ...]] = [
        (
            *(f.name, f.unit, amount(f, f.value), amount(f, f.previous), words.change_of(f)),
            None if f.mean4 is None else Amount(f.mean4, 1),
        )
        for f in report.figures
    ]
    columns: tuple[Column, ...] = (Column("figure", "指标"), Column("unit", "单位"), Column("value", "本周", "amount"))
    columns += (Column("previous", "上周", "amount"), Column("change", "环比"), Column("mean4", "前四周均值", "amount"))
    return Table("overview", "主要指标", "总览", columns, tuple(rows))


def families(report: WeekReport) -> Table:
    """Clues by family of rules."""
    columns: tuple[Column, ...] = (Column("family", "类别"), Column("value", "本周", "int"), *_PREVIOUS)
    rows = tuple(
        (f.name, int(f.value), None if f.previous is None else int(f.previous), words.change_of(f))
        for f in report.families
    )
    return Table("families", "按违规类别（线索数）", "总览", columns, rows)


def outcomes(report: WeekReport) -> Table:
    """Clues by what reviewers said."""
    now, before = report.outcomes, report.previous_outcomes
    rows: list[tuple[Cell, ...]] = [
        (name, Amount(getattr(now, key)), Amount(getattr(before, key)) if before else None)
        for key, name in names.OUTCOME_NAMES.items()
    ]
    rows.append(("合计", Amount(now.all), Amount(before.all) if before else None))
    shares = [Amount(o.reviewed_share, share=True) if o and o.all else None for o in (now, before)]
    rows.append(("已复核比例", *shares))
    columns: tuple[Column, ...] = (
        Column("outcome", "结果"),
        Column("value", "本周", "amount"),
        Column("previous", "上周", "amount"),
    )
    return Table("outcomes", "按复核结果", "总览", columns, tuple(rows), bold=frozenset({len(names.OUTCOME_NAMES)}))


def rules(report: WeekReport) -> Table:
    """Every rule by review status; pages leave out those that flagged nothing in either week."""
    family = {key: name for key, (name, _) in names.RULE_FAMILIES.items()}
    lines = sorted(report.rules, key=lambda x: not (x.outcomes.all or x.previous))
    rows = tuple(
        (
            *(x.name, x.rule, family.get(x.family, "其他"), *_of(x.outcomes), x.trucks, x.points, x.previous),
            words.change_of_count(x.outcomes.live, x.previous),
        )
        for x in lines
    )
    quiet = [x.name for x in lines if not (x.outcomes.all or x.previous)]
    columns: tuple[Column, ...] = (
        Column("rule", "规则"),
        Column("rule_id", "规则编号", on_page=False),
        Column("family", "类别", on_page=False),
    )
    columns += (_CLUES, *_OUTCOMES, Column("trucks", "涉及车辆", "int"), _POINTS, *_PREVIOUS)
    return Table(
        *("rules", "各类违规与复核状态", "规则", columns, rows),
        top=len(rows) - len(quiet),
        note=f"无线索的规则：{'、'.join(quiet)}。" if quiet else "",
        empty="本周没有线索。",
    )


def companies(report: WeekReport) -> Table:
    """Companies by rate, small samples and trucks of no company after them."""
    rank = 0
    rows: list[tuple[Cell, ...]] = []
    for x in report.companies:
        ranked = bool(x.company_id) and not x.small
        rank += ranked
        rows.append(
            (
                *(rank if ranked else None, x.name, x.company_id, x.registered, x.seen, x.trips, *_of(x.outcomes)),
                *(_rate(x), x.points, x.previous, words.change_of_count(x.outcomes.live, x.previous)),
            )
        )
    columns: tuple[Column, ...] = (
        _RANK,
        Column("company", "企业", wide=True),
        Column("company_id", "企业编号", on_page=False),
    )
    columns += (Column("registered", "登记车", "int"), Column("seen", "上线车", "int"), Column("trips", "趟次", "int"))
    hidden = (Column("open", "待复核", "int", on_page=False), Column("upheld", "属实", "int"))
    columns += (_CLUES, *hidden, Column("dismissed", "不属实", "int", on_page=False), _RATE, _POINTS, *_PREVIOUS)
    note = (
        f"按每百趟线索数由高到低；* 趟次少于 {report.min_trips_for_rate} 趟，比率为小样本，排在后面、不编名次；"
        "未登记企业的车辆合并列在最后。"
    )
    return Table("companies", "企业", "企业", columns, tuple(rows), TOP_COMPANIES, note, "没有登记企业，也没有线索。")


def vehicles(report: WeekReport) -> Table:
    """Every truck with a clue, by points."""
    rows = tuple(
        (
            *(n, x.plate, x.company, x.trips, *_of(x.outcomes), _rate(x), x.points, x.previous),
            words.rules_text(x.rules) or "（均不属实）",
        )
        for n, x in enumerate(report.vehicles, 1)
    )
    columns: tuple[Column, ...] = (_RANK, Column("plate", "车牌", "plate"), Column("company", "企业", wide=True))
    hidden = (Column("open", "待复核", "int", on_page=False), Column("upheld", "属实", "int"))
    columns += (Column("trips", "趟次", "int"), _CLUES, *hidden, Column("dismissed", "不属实", "int", on_page=False))
    columns += (_RATE, _POINTS, _PREVIOUS[0], Column("rules", "涉及规则（次数）", wide=True))
    return Table("vehicles", "本周涉嫌车辆", "车辆", columns, rows, TOP_VEHICLES, empty="本周没有车辆被标记。")


def origins(report: WeekReport) -> Table:
    """Loading places."""
    return _sites(
        "origins", "出土工地", report.origins, "出土趟次", "本周没有出土趟次。", "线索计入其所属行程的装载工地。"
    )


def receivers(report: WeekReport) -> Table:
    """Places where loads were left."""
    return _sites(
        "receivers", "接收场所", report.receivers, "接收趟次", "本周没有卸载记录。", "线索计入其所属行程的卸载地点。"
    )


def _sites(key: str, title: str, lines: tuple[SiteLine, ...], trips: str, empty: str, note: str) -> Table:
    columns: tuple[Column, ...] = (
        Column("site", "场所", wide=True),
        Column("site_id", "场所编号", on_page=False),
        Column("kind", "类别"),
    )
    columns += (Column("trips", trips, "int"), Column("flagged_trips", "涉线索趟次", "int"), _CLUES)
    columns += (Column("open", "待复核", "int", on_page=False), Column("upheld", "属实", "int"))
    columns += (
        Column("dismissed", "不属实", "int", on_page=False),
        _RATE,
        Column("rules", "涉及规则（次数）", wide=True),
    )
    rows = tuple(
        (
            *(x.name, x.site_id, names.name_of(names.SITE_KIND_NAMES, x.kind), x.trips, x.flagged_trips),
            *(*_of(x.outcomes), _rate(x), words.rules_text(x.rules) or "—"),
        )
        for x in lines
    )
    return Table(key, title, title, columns, rows, TOP_SITES, note, empty)


def districts(report: WeekReport) -> Table:
    """Streets, most clues first."""
    shown = [Column(key, name, "int") for key, (name, _) in names.RULE_FAMILIES.items()]
    columns: tuple[Column, ...] = (
        Column("district", "街道", wide=True),
        _CLUES,
        Column("open", "待复核", "int", on_page=False),
    )
    columns += (Column("upheld", "属实", "int"), Column("dismissed", "不属实", "int", on_page=False))
    columns += (Column("trucks", "涉及车辆", "int"), Column("points", "记分", "int", on_page=False), *shown, *_PREVIOUS)
    rows = tuple(
        (
            *(x.name, *_of(x.outcomes), x.trucks, x.points, *x.families, x.previous),
            words.change_of_count(x.outcomes.live, x.previous),
        )
        for x in report.districts
    )
    note, empty = "按线索最严重处所在街道统计。", "登记资料中没有街道，也没有线索。"
    return Table("districts", "街道", "街道", columns, rows, TOP_DISTRICTS, note, empty)


def hours(report: WeekReport) -> Table:
    """Clues by operating weekday and the hour that they began in."""
    columns: tuple[Column, ...] = (
        Column("weekday", "归属日期"),
        *(Column(f"h{hour:02d}", str(hour), "int") for hour in report.heat_hours),
        Column("total", "合计", "int"),
    )
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (names.WEEKDAY_NAMES[n], *(row[hour] for hour in report.heat_hours), sum(row))
        for n, row in enumerate(report.heat)
    )
    note = "每行为一个归属日期（凌晨归入前一晚），每列为线索开始的小时（0—23 时）。数字为线索数，颜色越深越多。"
    return Table("hours", "时段分布", "时段", columns, rows, note=note, form="heat")
