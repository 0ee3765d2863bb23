"""The benchmark runs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT


@pytest.mark.slow
def test_the_quick_benchmark_writes_figures_and_a_plot(tmp_path: Path) -> None:
    found = subprocess.run(
        [ROOT / "scripts/find-wrk.sh"], capture_output=True, text=True, check=False
    )
    if found.returncode:
        pytest.skip(found.stderr.strip().splitlines()[-1])
    figures, plot = tmp_path / "serving.json", tmp_path / "serving.svg"
    command = [sys.executable, ROOT / "webapp-backend/benchmarks/bench_serving.py", "--quick"]
    options = ["--output", figures, "--plot", plot]
    ended = subprocess.run(
        [*command, *options], capture_output=True, text=True, timeout=280, check=False
    )
    assert ended.returncode == 0, ended.stderr
    result = json.loads(figures.read_text())
    assert result["overload"]["bad"] == 0
    assert result["ours"]["cells"]["256x256"]["1"]["good"] > 0
    for runtimes in result["runtimes"].values():
        for name, runtime in runtimes.items():
            assert runtime["largest_difference"] <= 1e-3, name
    assert "<svg" in plot.read_text()
