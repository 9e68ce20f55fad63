"""A server over a small city's store, one for all tests of the pages; each test takes cases of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from bureau import Bureau, make_bureau
from review_city import fill_city


@pytest.fixture(scope="session")
def bureau(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bureau]:
    folder = tmp_path_factory.mktemp("bureau")
    fill_city(folder / "registry", folder / "store")
    made = make_bureau(folder / "store", folder / "registry")
    yield made
    made.context.store.close()


@pytest.fixture(scope="session")
def a_case(bureau: Bureau) -> Callable[..., str]:
    """Gives an untouched case of the company and district asked for, each only once."""
    given: set[str] = set()

    def take(company: str = "c1", district: str = "d1") -> str:
        rows = bureau.store_rows(
            "SELECT c.case_id FROM cases c JOIN kept.violations v ON v.violation_id = c.case_id "
            "WHERE c.step = -1 AND v.company_id = ? AND v.district_id = ? ORDER BY 1",
            company,
            district,
        )
        case_id = next(str(row[0]) for row in rows if row[0] not in given)
        given.add(case_id)
        return case_id

    return take
