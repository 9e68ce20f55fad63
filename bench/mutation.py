"""How many faults put into rules/ the tests notice: a seeded sample of small changes, each tried on a copy of the tree.

python -m bench.mutation [--mutants 150] [--seed 1] [--minutes 30] [--workers 2] [--module FILE ...] [--out FILE]

Needs `pip install -e '.[mutation]'`. The changes are cosmic-ray's operators, of which those are left out that Python
refuses or that no reader would make; numbers are moved by one, and where one is too little to mean anything, halved and
doubled. A change is tried on the tests nearest to its module, and if they pass, on the golden weeks, whose difference
every change must show. docs/mutation.md tells what was found.
"""

from __future__ import annotations

import argparse
import os
import pickle
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from queue import Queue

import pytest
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Operator

from bench.mutation_operators import operators

ROOT = Path(__file__).resolve().parent.parent
#: Tests run in forks of one process that has the heavy libraries loaded and has not used them.
FORKED = get_context("forkserver")
FORKED.set_forkserver_preload(["polars", "shapely", "pyproj", "numpy", "hypothesis", "pytest", "_pytest.assertion"])
NOT_COPIED = (".git", ".venv", "demo_out", "*.egg-info", "__pycache__", ".*_cache", ".hypothesis", "pictures")
OURS = ("bench", "ingest", "rules", "reports", "sample_tracks")
CASES = "tests/rules/test_cases.py"
CUTS = "tests/rules/test_engine_cuts.py"
FIGURES = "tests/rules/test_figures.py"
MERGING = "tests/rules/test_merging.py"
GOLDEN = "tests/rules/test_golden_weeks.py"
_TESTS = "tests/rules/test_{}.py"
#: The test runs for a module's changes, in order; those of a rule are the stories that bear its name.
NEAREST = {
    "intervals": ([_TESTS.format("intervals")], [CASES]),
    "hours": ([_TESTS.format("hours")], [CASES]),
    "points": ([_TESTS.format("points")],),
    "load_word": ([_TESTS.format("load_word")], [CASES], [CUTS]),
    "zones": ([CASES, FIGURES, MERGING, "-k quiet_zone or no_entry or passage or surer"],),
    "reflection": ([CASES, "-k off_route or no_entry"], [FIGURES, MERGING]),
    "clones": ([_TESTS.format("clones"), CASES, "-k clone"], [CUTS]),
    "hauls": ([_TESTS.format("hauls")], [MERGING], [CASES]),
    "stays": ([_TESTS.format("stays")], [CASES]),
    "truck": ([_TESTS.format("clones"), MERGING], [CASES], [CUTS]),
    "stretches": ([CASES], [CUTS]),
}
SLOWEST_S = 240  # of all the engine's tests; longer is a loop that never ends, and noticed
#: The profile fails at the first example instead of looking for the smallest, and gives the same examples every time.
QUIETLY = ["-x", "-q", "-p", "no:cacheprovider", "-p", "mutation_profile"]
PROFILE = """
from hypothesis import Phase, settings
settings.register_profile("mutation", phases=(Phase.explicit, Phase.generate), derandomize=True, database=None)
settings.load_profile("mutation")
"""
#: Takes the golden weeks' tracks from where they were kept instead of inventing them for every change anew.
KEPT_WEEKS = """
import pickle
from pathlib import Path
from bench import golden
golden.make = lambda trial: pickle.loads(
    Path(next(name for name, week in golden.WEEKS.items() if week == trial) + ".pickle").read_bytes()
)
"""


@dataclass(frozen=True)
class Mutant:
    """One change of one module."""

    module: str
    line: int
    before: str
    after: str
    source: str

    def __str__(self) -> str:
        return f"{self.module}:{self.line}\n    - {self.before}\n    + {self.after}"


def places(module: str) -> list[tuple[Operator, int]]:
    """Everything that can be changed in a module, its rule's record apart: an operator and which of its occurrences."""
    code = (ROOT / module).read_text("utf-8")
    record = next((n for n, line in enumerate(code.splitlines(), 1) if line.startswith("RULE = ")), sys.maxsize)
    tree, found = get_ast(code), []
    for operator in operators():
        positions = (start for node in ast_nodes(tree) for start, _ in operator.mutation_positions(node))
        found += [(operator, nth) for nth, (line, _) in enumerate(positions) if line < record]
    return found


def mutant(module: str, operator: Operator, nth: int) -> Mutant | None:
    """One change; None where it changes nothing or Python refuses it."""
    code = (ROOT / module).read_text("utf-8")
    source = mutate_code(code, operator, nth)
    return Mutant(module, *_changed(code, source), source) if source not in (None, code) and _compiles(source) else None


def _compiles(source: str) -> bool:
    try:
        compile(source, "mutant", "exec")
    except SyntaxError:
        return False
    return True


def _changed(code: str, source: str) -> tuple[int, str, str]:
    """The first line that differs: its number, as it was and as it is."""
    pairs = zip(code.splitlines(), source.splitlines(), strict=False)
    number, (before, after) = next((n, pair) for n, pair in enumerate(pairs, 1) if pair[0] != pair[1])
    return number, before.strip(), after.strip()


def sample(modules: Sequence[str], count: int, seed: int) -> list[Mutant]:
    """So many changes, taken from the modules in turn until the count is reached; in random order."""
    draw = random.Random(seed)
    decks = [places(module) for module in modules]
    for deck in decks:
        draw.shuffle(deck)
    print("places:", ", ".join(f"{m.removeprefix('rules/')} {len(d)}" for m, d in zip(modules, decks, strict=True)))
    taken: dict[str, Mutant] = {}
    for k in range(max(map(len, decks), default=0)):
        for module, deck in zip(modules, decks, strict=True):
            made = mutant(module, *deck[k]) if k < len(deck) and len(taken) < count else None
            if made:
                taken[made.source] = made
    listed = list(taken.values())
    draw.shuffle(listed)
    return listed


def runs_of(module: str) -> list[list[str]]:
    """The test runs to try a module's changes with, in order, as pytest's arguments; the last is the golden weeks."""
    stem = Path(module).stem
    stories = ([CASES, f"-k {stem}"], [FIGURES, MERGING]) if "catalog" in module else NEAREST[stem]
    return [[*QUIETLY, *run] for run in (*stories, [GOLDEN, "-p", "mutation_weeks"])]


def _run(tree: Path, arguments: list[str]) -> None:
    """Runs tests in this process, on a copy of the tree, and exits with their answer."""
    sys.path[:] = [str(tree), *(p for p in sys.path if p not in ("", str(ROOT)))]
    for name in [n for n in sys.modules if n.split(".")[0] in OURS]:
        del sys.modules[name]  # what the driver needed itself is of the unchanged tree
    os.chdir(tree)
    sys.dont_write_bytecode = True
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        code = pytest.main(arguments)
    os._exit(int(code))


def passes(tree: Path, arguments: list[str]) -> bool | None:
    """Whether tests pass on a copy of the tree; None if they never end."""
    process = FORKED.Process(target=_run, args=(tree, arguments), daemon=True)
    process.start()
    process.join(SLOWEST_S)
    if process.exitcode is None:
        process.kill()
        return None
    return process.exitcode == 0


def attempt(one: Mutant, tree: Path) -> tuple[Mutant, str]:
    """Tries one change on a copy of the tree: (it, `killed`, `golden`, `timeout` or `survived`)."""
    file = tree / one.module
    kept = file.read_text("utf-8")
    file.write_text(one.source, "utf-8")
    try:
        for run in runs_of(one.module):
            passed = passes(tree, run)
            if not passed:
                return one, "timeout" if passed is None else "golden" if GOLDEN in run else "killed"
        return one, "survived"
    finally:
        file.write_text(kept, "utf-8")


def _golden_weeks() -> dict[str, bytes]:
    from bench.golden import WEEKS
    from bench.trials import make

    return {name: pickle.dumps(make(week)) for name, week in WEEKS.items()}


def try_all(mutants: list[Mutant], workers: int, until_s: float, out: Path | None) -> list[tuple[Mutant, str]]:
    """Tries changes until the time is over, each worker on a copy of its own; prints and writes as they come."""
    results: list[tuple[Mutant, str]] = []
    weeks = _golden_weeks()
    with tempfile.TemporaryDirectory() as temp, ThreadPoolExecutor(workers) as pool:
        trees: Queue[Path] = Queue()
        for k in range(workers):
            tree = Path(temp) / str(k)
            shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(*NOT_COPIED))
            (tree / "mutation_profile.py").write_text(PROFILE, "utf-8")
            (tree / "mutation_weeks.py").write_text(KEPT_WEEKS, "utf-8")
            for name, week in weeks.items():
                (tree / f"{name}.pickle").write_bytes(week)
            trees.put(tree)

        tree = trees.get()
        for run in {" ".join(run): run for m in mutants for run in runs_of(m.module)}.values():
            if not passes(tree, run):
                raise SystemExit(f"the unchanged tree fails: pytest {' '.join(run)}")
        broken = Mutant("rules/intervals.py", 1, "", "", "1 / 0")
        if attempt(broken, tree)[1] != "killed":
            raise SystemExit("a module that cannot be imported is not noticed: the tests run on another tree")
        trees.put(tree)

        def in_turn(one: Mutant) -> tuple[Mutant, str] | None:
            if time.monotonic() > until_s:
                return None
            tree = trees.get()
            try:
                return attempt(one, tree)
            finally:
                trees.put(tree)

        for done in pool.map(in_turn, mutants):
            if done:
                results.append(done)
                print(f"{len(results)}/{len(mutants)} {done[1]:8} {done[0]}", flush=True)
                if out:
                    with out.open("a", encoding="utf-8") as file:
                        file.write(f"{done[1]} {done[0]}\n")
    return results


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    p = argparse.ArgumentParser(prog="python -m bench.mutation", description=__doc__.splitlines()[0])
    p.add_argument("--mutants", type=int, default=150)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--minutes", type=float, default=30.0)
    p.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    p.add_argument("--module", action="append", metavar="FILE", help="only these; default: those that judge")
    p.add_argument("--out", type=Path, help="also append each result to this file")
    a = p.parse_args(argv)
    judging = [f"rules/{name}.py" for name in NEAREST]
    judging += sorted(p.relative_to(ROOT).as_posix() for p in (ROOT / "rules/catalog").glob("[a-z]*.py"))
    taken = sample(a.module or judging, a.mutants, a.seed)
    results = try_all(taken, a.workers, time.monotonic() + 60 * a.minutes, a.out)
    by_module = {m: Counter(r for x, r in results if x.module == m) for m in sorted({x.module for x, _ in results})}
    print(f"\n{'module':42}{'tried':>7}{'killed':>8}{'golden':>8}{'timeout':>9}{'survived':>10}")
    for module, n in [*by_module.items(), ("all", Counter(r for _, r in results))]:
        print(f"{module:42}{n.total():7}{n['killed']:8}{n['golden']:8}{n['timeout']:9}{n['survived']:10}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
