"""A day of every role in a real browser, against the real server process: by keyboard, with axe looking on."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyotp
import pytest
from bureau import PASSWORD, PEOPLE, SECRET, cheap_passwords
from cli_town import ROOT, environment
from playwright.sync_api import Browser, Page, expect
from review_city import fill_city

from reports.accounts.users import add_user, set_totp
from reports.store import Store

AXE = Path(__file__).parent / "axe" / "axe.min.js"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server process over a small city's store."""
    folder = tmp_path_factory.mktemp("days")
    fill_city(folder / "registry", folder / "store", each=6)
    cheap_passwords()
    with Store.open(folder / "store") as store:
        for role, user_id in PEOPLE.items():
            company = "c1" if role == "company" else ""
            add_user(store, user_id, role, PASSWORD, by="t", at_ms=0, name=f"某{user_id}", company_id=company)
            if role != "second_reviewer":  # who enrols his second factor himself
                set_totp(store, user_id, SECRET, by="t", at_ms=0)
    command = [sys.executable, str(ROOT / "muckwatch.py"), "serve", "--store", str(folder / "store")]
    command += ["--registry", str(folder / "registry"), "--listen", "127.0.0.1:0"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=(folder / "errors").open("w"), text=True, env=environment()
    )
    try:
        assert process.stdout
        line = process.stdout.readline()
        assert " at http" in line, (folder / "errors").read_text()
        yield line.split(" at ")[1].strip().rstrip("/")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)
    told = (folder / "errors").read_text()
    assert "Traceback" not in told, told
    for secret in (PASSWORD, SECRET):
        assert secret not in told


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    """A desk of its own; a script error, a blocked script or a request elsewhere fails the test."""
    desk = browser.new_context(base_url=url, viewport={"width": 1440, "height": 900}, locale="zh-CN")
    opened = desk.new_page()
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("console", lambda m: wrong.append(m.text) if "Content Security Policy" in m.text else None)
    opened.on("request", lambda r: None if r.url.startswith((url, "data:")) else wrong.append(r.url))
    yield opened
    desk.close()
    assert not wrong


def sign_in(page: Page, user_id: str) -> None:
    page.goto("/login")
    page.fill("[name=user_id]", user_id)
    page.fill("[name=password]", PASSWORD)
    page.fill("[name=code]", pyotp.TOTP(SECRET).now())
    page.keyboard.press("Enter")
    page.wait_for_selector("nav")


def look(page: Page) -> None:
    """Nothing that axe calls serious or critical."""
    page.evaluate(AXE.read_text("utf-8"))
    found: dict[str, Any] = page.evaluate("() => axe.run(document, {resultTypes: ['violations'], iframes: false})")
    bad = [v for v in found["violations"] if v["impact"] in ("serious", "critical")]
    assert not bad, [(v["id"], [n["html"][:160] for n in v["nodes"][:3]]) for v in bad]


def test_from_the_flag_to_the_appeal_through_every_role(page: Page, browser: Browser, url: str) -> None:
    # The reviewer works by keyboard alone: moves, opens, confirms, and is led on to the next case.
    sign_in(page, "anna")
    look(page)
    first = page.get_attribute("tr[data-case]", "data-case")
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-case-page]")
    assert str(first) in page.url
    page.wait_for_selector("#fixes table")
    look(page)
    frame = page.frame_locator("iframe.map")
    frame.locator(".leaflet-container").wait_for()
    for width in (1366, 390, 1440):  # the map has room beside its playback bar on every screen
        page.set_viewport_size({"width": width, "height": 768})
        assert frame.locator(".leaflet-container").bounding_box()["height"] > 200  # type: ignore[index]
    page.set_viewport_size({"width": 1440, "height": 900})
    frame.get_by_text("播放", exact=True).wait_for()
    page.keyboard.press("1")
    page.wait_for_selector(".told")
    assert str(first) not in page.url.split("?")[0]
    # Rejects what he is shown next, with a reason, still by keyboard.
    page.keyboard.press("2")
    page.wait_for_selector("dialog[open]")
    page.select_option("dialog[open] select", "gps_drift")
    page.click("dialog[open] button.main")
    page.wait_for_selector(".told")
    # Filters, ticks two, rejects both at once.
    page.goto("/queue?tab=first")
    page.fill("#plate", "A2")
    expect(page.locator("tr[data-case]")).to_have_count(6)
    expect(page).to_have_url(re.compile("plate=A2"))
    page.check("tr[data-case] >> nth=0 >> input[name=case]")
    page.check("tr[data-case] >> nth=1 >> input[name=case]")
    page.keyboard.press("r")
    page.select_option("dialog[open] select", "empty_truck")
    look(page)
    page.click("dialog[open] button.main")
    page.wait_for_selector("text=已提交 2 件")
    page.click("text=退出")
    page.wait_for_selector("[name=user_id]")

    # The second reviewer enrols a one-time code, agrees, and notifies.
    page.fill("[name=user_id]", "bert")
    page.fill("[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector("[name=secret]", state="attached")
    look(page)
    secret = page.input_value("[name=secret]")
    page.fill("form[action='/account/totp'] [name=code]", pyotp.TOTP(secret).now())
    page.fill("form[action='/account/totp'] [name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-queue]")
    page.goto(f"/cases/{first}?tab=second")
    page.keyboard.press("1")
    page.wait_for_selector("text=已记录")
    page.goto(f"/cases/{first}?tab=all")
    page.keyboard.press("1")
    page.fill("dialog[open] textarea", "电话告知企业负责人")
    page.click("dialog[open] button.main")
    page.wait_for_selector("text=已记录")

    # The company sees that one notice, without any officer's name, and appeals.
    firm = browser.new_context(base_url=url, viewport={"width": 1440, "height": 900}).new_page()
    sign_in(firm, "firm")
    look(firm)
    assert firm.locator("tbody tr").count() == 1
    firm.click("tbody a")
    firm.wait_for_selector(".history")
    look(firm)
    assert "某anna" not in firm.content() and "某bert" not in firm.content()
    firm.fill("textarea", "当时为应急抢险，有证明")
    firm.click("button[value=appeal]")
    firm.wait_for_selector("text=已收到")
    assert firm.goto(f"/cases/{first}").status == 403  # type: ignore[union-attr]
    firm.context.close()

    # The appeal officer grants it.
    dora = browser.new_context(base_url=url, viewport={"width": 1440, "height": 900}).new_page()
    sign_in(dora, "dora")
    dora.keyboard.press("Enter")
    dora.wait_for_selector("[data-case-page]")
    assert "应急抢险" in dora.content()
    dora.keyboard.press("2")
    dora.select_option("dialog[open] select", "emergency_works")
    dora.fill("dialog[open] [name=password]", PASSWORD)
    dora.click("dialog[open] button.main")
    dora.wait_for_selector("text=已记录")
    dora.goto(f"/cases/{first}?tab=all")
    assert dora.locator(".case-state .state").inner_text() == "申诉成立，撤销"
    dora.context.close()


def test_the_administrator_makes_a_user_who_sets_a_password_and_is_locked_out(
    page: Page, browser: Browser, url: str
) -> None:
    sign_in(page, "root1")
    look(page)
    form = page.locator("form[action='/users']")
    form.locator("[name=user_id]").fill("nina")
    form.locator("[name=name]").fill("新来的")
    form.locator("[name=role]").select_option("inspector")
    form.locator("[name=password]").fill("First-password-77")
    form.locator("[name=password]").press("Enter")
    page.wait_for_selector("text=用户已新增")
    look(page)
    assert page.goto("/queue").status == 403  # type: ignore[union-attr]

    desk = browser.new_context(base_url=url, locale="zh-CN")
    nina = desk.new_page()
    for password in ("First-password-77", "Second-password-88"):
        nina.goto("/login")
        nina.fill("[name=user_id]", "nina")
        nina.fill("[name=password]", password)
        nina.keyboard.press("Enter")
        nina.wait_for_selector("nav")
        if password.startswith("First"):  # good for nothing but setting another
            nina.goto("/reports")
            assert nina.url.endswith("/account")
            change = nina.locator("form[action='/account/password']")
            change.locator("[name=password]").fill(password)
            change.locator("[name=new]").fill("Second-password-88")
            change.locator("[name=new]").press("Enter")
            nina.wait_for_selector("[name=user_id]")
    assert nina.goto("/reports").status == 200  # type: ignore[union-attr]
    page.goto("/users")
    page.locator("form[action='/users/nina'] button[value=lock]").click()
    page.wait_for_selector("text=用户已锁定")
    assert nina.goto("/reports") and "/login" in nina.url
    desk.close()


@pytest.mark.parametrize(
    ("user_id", "pages"),
    [
        ("ines", ("/reports", "/reports/2026-W47/report", "/reports/2026-W47/map", "/scores")),
        ("audi", ("/log", "/log?kind=decision")),
    ],
)
def test_those_who_read_see_their_pages_in_both_languages(page: Page, user_id: str, pages: tuple[str, ...]) -> None:
    sign_in(page, user_id)
    for path in pages:
        answer = page.goto(path)
        assert answer and answer.status == 200, path
        if "/2026" not in path:
            look(page)
    if user_id == "audi":
        page.click("text=核验整个日志")
        page.wait_for_selector("text=完整无误")
    page.goto("/account")
    page.click("text=English")
    page.wait_for_selector("text=Sign out")
    look(page)
