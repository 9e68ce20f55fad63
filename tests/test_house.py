"""The rules of the house: arrows between folders, size, current docs, nothing of the workplace it was made in."""

from __future__ import annotations

import ast
import hashlib
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LINES_MAX = 300
FOLDERS = ("commands", "ingest", "rules", "stream", "reports", "maps", "web", "sample_tracks", "tools", "bench")
CODE_SUFFIXES = (".py", ".pyx", ".pxd")
TEXT_SUFFIXES = {
    *CODE_SUFFIXES,
    ".pyi",
    ".md",
    ".toml",
    ".sql",
    ".html",
    ".css",
    ".js",
    ".csv",
    ".geojson",
    ".json",
    ".yml",
}
TEXT_SUFFIXES |= {".txt", ""}


def modules() -> list[Path]:
    found = [ROOT / "muckwatch.py"]
    return found + [
        path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.p[yx]*")) if path.suffix in CODE_SUFFIXES
    ]


def project_texts() -> list[tuple[Path, str]]:
    """Every file of the project that is text, as it stands in the tree: tracked or about to be."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    return [(p, p.read_text("utf-8", "replace")) for p in paths if p.suffix in TEXT_SUFFIXES and p.is_file()]


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_arrows_between_the_folders_hold() -> None:
    command = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_terminal_knows_no_folder() -> None:
    tree = ast.parse((ROOT / "commands" / "terminal.py").read_text("utf-8"))
    imports = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    imports |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not {name.split(".")[0] for name in imports} & {*FOLDERS, "muckwatch"}


@pytest.mark.parametrize("path", modules(), ids=named)
def test_module_is_small_and_says_what_it_is(path: Path) -> None:
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= LINES_MAX
    beginning = text if path.suffix == ".py" else text[: text.index('"""', text.index('"""') + 3) + 3]
    assert ast.get_docstring(ast.parse(beginning)), "a module begins with a sentence that says what it is for"
    assert path.stem not in {"utils", "helpers", "common", "misc"}


def test_rules_page_is_what_the_rules_say() -> None:
    command = [sys.executable, ROOT / "tools" / "generate_rules.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_rule_ids_are_never_dropped_and_name_their_files() -> None:
    from rules.catalog import RULE_IDS, RULES

    files = {path.stem for path in (ROOT / "rules" / "catalog").glob("*.py")} - {"__init__"}
    assert [rule.rule_id for rule in RULES] == [i for i in [rule.rule_id for rule in RULES] if i in RULE_IDS]
    assert {rule.rule_id for rule in RULES} <= files
    ever = {"no_permit", "off_route", "wrong_destination", "outside_hours", "quiet_zone", "unauthorised_dumping"}
    assert ever | {"daytime_not_whitelisted"} <= set(RULE_IDS)


@pytest.mark.parametrize("page", ["README.md", "README.zh-CN.md"])
def test_readme_leads_with_the_two_commands(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    first_block = text.split("```")[1]
    assert "make demo" in first_block and "make test" in first_block


@pytest.mark.parametrize("path", [p for p, _ in project_texts() if p.suffix == ".md"], ids=named)
def test_links_inside_the_project_lead_somewhere(path: Path) -> None:
    text = re.sub(r"```.*?```", "", path.read_text("utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if not re.match(r"[a-z]+:", target):
            assert (path.parent / target).exists(), f"{named(path)} links to {target}"


def test_pictures_are_light() -> None:
    heavy = [p.name for p in (ROOT / "docs" / "pictures").glob("*") if p.stat().st_size > 300_000]
    assert not heavy


def test_every_dependency_has_its_line_of_reason() -> None:
    whole = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    project = whole["project"]
    wanted = [
        *whole["build-system"]["requires"],
        *project["dependencies"],
        *(name for group in project["optional-dependencies"].values() for name in group),
    ]
    names = {re.split(r"[<>=\[;~! ]", name)[0] for name in wanted}
    page = (ROOT / "docs" / "decisions" / "0002-dependencies.md").read_text("utf-8")
    reasoned = set(re.findall(r"^\| ([a-z0-9-]+) \| .{9,}\|$", page, flags=re.MULTILINE))
    assert names == reasoned - {"library"}


def test_every_decision_is_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text("utf-8")
    assert {p.name for p in folder.glob("0*.md")} == set(re.findall(r"\((0[^)]+\.md)\)", index))


def test_nothing_names_a_private_host_or_a_makers_path() -> None:
    home = str(Path.home())
    words = [r"/work/", r"\.\./shared", r"index-url", r"extra-index", r"find-links", re.escape(home) + "/"]
    unwanted = re.compile("|".join(words))
    this = Path(__file__)
    for path, text in project_texts():
        if path != this:
            hit = unwanted.search(text)
            assert not hit, f"{named(path)} holds {hit.group()!r}" if hit else ""


def test_every_target_is_listed_by_make_help() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.search(r"^\.PHONY: (.*)$", makefile, flags=re.MULTILINE)[1].split())  # type: ignore[index]
    shown = subprocess.run(
        ["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30
    ).stdout
    assert {line.split()[1] for line in shown.splitlines()} == targets


@pytest.mark.parametrize("script", ["tools/find-python", "tools/kafka", "tools/setup-system", ".ci/run"])
def test_script_can_be_run_and_parses(script: str) -> None:
    assert os.access(ROOT / script, os.X_OK)
    subprocess.run(["bash", "-n", script], cwd=ROOT, check=True, timeout=10)


def test_find_python_says_what_to_install_where_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "python3").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "python3").chmod(0o755)
    bash = subprocess.run(["which", "bash"], capture_output=True, text=True, check=True).stdout.strip()
    done = subprocess.run(
        [bash, ROOT / "tools" / "find-python"], env={"PATH": str(tmp_path)}, capture_output=True, text=True, timeout=10
    )
    assert done.returncode == 1 and "Python 3.11" in done.stderr and not done.stdout


@pytest.mark.parametrize(
    "sums",
    [sums for folder in (*FOLDERS, "tests") for sums in sorted((ROOT / folder).rglob("SHA256SUMS.txt"))],
    ids=lambda path: path.parent.name,
)
def test_vendored_files_are_what_their_hashes_say(sums: Path) -> None:
    lines = [line.split() for line in sums.read_text().splitlines() if not line.startswith("#")]
    assert {name for _, name in lines} == {file.name for file in sums.parent.iterdir()} - {sums.name}
    assert "LICENSE" in {name for _, name in lines}
    for digest, name in lines:
        assert hashlib.sha256((sums.parent / name).read_bytes()).hexdigest() == digest, name


def test_no_two_test_modules_share_a_name() -> None:
    """They are modules without packages: one of two would not be imported, and none of its tests would run."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(set(names)) == sorted(names)
