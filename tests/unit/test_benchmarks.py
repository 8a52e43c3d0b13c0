"""Benchmarks are run by hand; what they import must exist all the same."""

import importlib
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the training extra")

BENCHMARKS = sorted(path.stem for path in (Path(__file__).parents[2] / "benchmarks").glob("*.py"))


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_benchmark_finds_all_that_it_measures(name: str) -> None:
    module = importlib.import_module(name)

    assert Path(str(module.__file__)).parent.name == "benchmarks", "another module has its name"
