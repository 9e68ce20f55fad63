"""Writes docs/openapi.json: the API that other systems call, as they may rely on it. `--check` only compares."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "openapi.json"


def description() -> dict[str, Any]:
    """The OpenAPI description of everything under /api/."""
    from fastapi.openapi.utils import get_openapi
    from fastapi.routing import APIRoute

    from web.app import ROUTERS

    routes = [r for router in ROUTERS for r in router.routes if isinstance(r, APIRoute) and r.path.startswith("/api/")]
    return get_openapi(
        title="muckwatch 信用接口", version="1", routes=routes,
        description="向信用系统提供已确认违规的积分。令牌放在 Authorization 头；每次应答都有日志。",
    )  # fmt: skip


def main() -> None:
    """Writes the file, or says that it is not current."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only; exit code 1 if the file is not current")
    text = json.dumps(description(), ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    if not parser.parse_args().check:
        PAGE.write_text(text, "utf-8")
    elif not PAGE.exists() or PAGE.read_text("utf-8") != text:
        sys.exit("docs/openapi.json is not current: run `make docs`, and see that no client loses what it relies on")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
