"""The workbook's sheet of suspected places."""

from __future__ import annotations

from reports.suspected_words import grade_text
from reports.week import words
from reports.week.model import WeekReport
from reports.xlsx_sheet import Book, Column

REMARK = (
    "由多辆车反复停留推断，未经现场核实，不是处罚依据。车辆数和次数为近三个月累计；“首次”“最近”为其中的首末次停留。"
)


def suspects_sheet(report: WeekReport, book: Book, name: str) -> None:
    """Writes the sheet."""
    columns = [Column("类别", "text", 18), Column("街道", "text", 16), Column("证据等级", "text", 24)]
    columns += [Column("可信度", "num2", 9), Column("车辆数", "int", 9), Column("次数", "int", 9)]
    columns += [Column("首次", "time", 19), Column("最近", "time", 19), Column("本周新现", "text", 9)]
    columns += [Column("依据", "text", 50), Column("经度", "deg", 12), Column("纬度", "deg", 12)]
    sheet = book.sheet(name, [*columns, Column("点位编号", "text", 24)], landscape=True)
    sheet.title(f"{name}　{words.title(report)}", [REMARK])
    sheet.freeze(1)
    sheet.table(
        (
            *(x.kind, x.district, grade_text(x.grade), x.confidence, x.trucks, x.visits),
            *(words.local(report, at_ms).replace(tzinfo=None) for at_ms in (x.first_ms, x.last_ms)),
            *("是" if x.new else "否", x.basis, x.lon, x.lat, x.suspect_id),
        )
        for x in report.suspects
    )
