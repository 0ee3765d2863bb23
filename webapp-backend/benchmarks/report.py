"""What is made of the benchmark's figures: goals, tables and a plot."""

from pathlib import Path
from typing import Any

MEMORY_DRIFT = 1.05


def goals(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Each line of the goals' table: what, the goal, what was measured, whether it is met."""
    ours, reference, bare = result["ours"], result["reference"], result["bare"]
    small = "256x256"
    mine, theirs = ours["cells"], reference["cells"]
    overload, memory = result["overload"], result["overload"]["pss_mb_by_second"]
    lines = [
        (
            "p50, 1 client, 256x256: reference / ours",
            ">= 10",
            theirs[small]["1"]["p50"] / mine[small]["1"]["p50"],
        ),
        (
            "images/s, 16 clients, 256x256: ours / reference",
            ">= 8",
            _per_second(ours, small) / _per_second(reference, small),
        ),
        (
            "p50, 1 client, 256x256: ours / bare",
            "<= 1.6",
            mine[small]["1"]["p50"] / bare[small]["p50"],
        ),
        (
            "images/s, 16 clients, 256x256: ours / bare on all cores",
            ">= 0.55",
            _per_second(ours, small) / bare[small]["throughput"],
        ),
    ]
    if "1 megapixel" in bare:
        one = "1 megapixel"
        lines.append(
            (
                "images/s, 16 clients, 1 megapixel: ours / bare on all cores",
                ">= 0.8",
                _per_second(ours, one) / bare[one]["throughput"],
            )
        )
    lines += [
        ("12-megapixel JPEG, time: reduced / full decode", "<= 0.5", result["decoding"]["ratio"]),
        (
            f"the same, largest difference of {result['decoding']['images']} scores",
            "<= 0.02",
            result["decoding"]["largest_difference"],
        ),
        ("PSS at rest after the load, MB", "<= 450", ours["pss_mb"]),
        ("cold start to ready, s", "<= 3", ours["start_seconds"]),
        (
            "64 clients: answers that are neither 200 nor 503 with Retry-After",
            "<= 0",
            overload["bad"],
        ),
        ("64 clients: p95, ms", "<= 2000", overload["p95"]),
        (
            "64 clients: PSS, last fifth / second fifth of the time",
            f"<= {MEMORY_DRIFT}",
            _drift(memory),
        ),
    ]
    return [_judged(*line) for line in lines]


def _judged(what: str, goal: str, measured: float) -> dict[str, Any]:
    relation, _, limit = goal.partition(" ")
    met = measured >= float(limit) if relation == ">=" else measured <= float(limit)
    return {"what": what, "goal": goal, "measured": measured, "met": met}


def _per_second(system: dict[str, Any], image: str) -> float:
    return float(system["cells"][image]["16"]["throughput"])


def _drift(memory: list[float]) -> float:
    fifth = max(1, len(memory) // 5)
    early = memory[fifth : 2 * fifth] or memory[:1]
    return (sum(memory[-fifth:]) / fifth) / (sum(early) / len(early))


def text(result: dict[str, Any]) -> str:
    """All tables, in Markdown."""
    machine = result["machine"]
    parts = [
        f"{machine['processor']}, {machine['cores']} cores; network {result['network']}",
        table([_goal_row(goal) for goal in result["goals"]]),
        table(_cell_rows(result)),
        table(_whole_rows(result)),
        table(
            [
                _runtime_row(network, name, figures)
                for network, runtimes in result["runtimes"].items()
                for name, figures in runtimes.items()
            ]
        ),
    ]
    return "\n\n".join(parts)


def _goal_row(goal: dict[str, Any]) -> dict[str, Any]:
    return {**goal, "met": "yes" if goal["met"] else "**no**"}


def _cell_rows(result: dict[str, Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for image, bare in result["bare"].items():
        rows.append(
            {
                "image": image,
                "system": "bare",
                "clients": "",
                "p50, ms": bare["p50"],
                "p95, ms": "",
                "p99, ms": "",
                "images/s": bare["throughput"],
                "503": "",
                "errors": "",
            }
        )
        for system in ("reference", "ours", "visitor"):
            for clients, cell in result[system]["cells"][image].items():
                rows.append({"image": image, "system": system, "clients": clients, **_cell(cell)})
    return rows


def _cell(cell: dict[str, float]) -> dict[str, Any]:
    shown = {
        f"{p}, ms": cell[p] if cell["good"] + cell["busy"] else "" for p in ("p50", "p95", "p99")
    }
    return {**shown, "images/s": cell["throughput"], "503": cell["busy"], "errors": cell["bad"]}


def _whole_rows(result: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "system": name,
            "start to ready, s": result[name]["start_seconds"],
            "PSS, MB": result[name]["pss_mb"],
        }
        for name in ("reference", "ours", "visitor")
    ]


def _runtime_row(network: str, name: str, figures: dict[str, float]) -> dict[str, Any]:
    return {
        "network": network,
        "runtime": name,
        "p50, ms": figures["p50"],
        "import and load, s": figures["load_seconds"],
        "memory, MB": figures["memory_mb"],
        "largest difference": f"{figures['largest_difference']:.1e}",
    }


def shown(cell: dict[str, float]) -> str:
    """One cell as text."""
    return ", ".join(f"{name} {_short(value)}" for name, value in _cell(cell).items())


def table(rows: list[dict[str, Any]]) -> str:
    """Rows in Markdown."""
    head = "| " + " | ".join(rows[0]) + " |"
    return "\n".join([head, "|---" * len(rows[0]) + "|", *map(row, rows)])


def row(values: dict[str, Any]) -> str:
    """One row in Markdown."""
    return "| " + " | ".join(_short(value) for value in values.values()) + " |"


def _short(value: Any) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"  # noqa: PLR2004


def rounded(value: Any) -> Any:
    """The figures with four digits, for a file that people compare."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


def plot(result: dict[str, Any], file: Path) -> None:
    """Draw p50 at one client and throughput at 16, for each image and system."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "serving"
    from matplotlib import pyplot as plt

    figure, (latency, rate) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    images = list(result["bare"])
    for position, system in enumerate(("reference", "ours", "bare")):
        places = [i + (position - 1) * 0.27 for i in range(len(images))]
        for axes, values in ((latency, _p50s(result, system)), (rate, _rates(result, system))):
            bars = axes.bar(places, values, 0.25, label=system, color=f"C{position}")
            axes.bar_label(bars, [_short(float(v)) if v else "none" for v in values], fontsize=7)
    for axes, title in ((latency, "p50 at 1 client, ms"), (rate, "images/s at 16 clients")):
        axes.set_title(title, fontsize=10)
        axes.set_yscale("log")
        axes.set_xticks(range(len(images)), images)
        axes.spines[["top", "right"]].set_visible(False)
    latency.legend(frameon=False, fontsize=8)
    figure.savefig(file, metadata={"Date": None} if file.suffix == ".svg" else None)


def _p50s(result: dict[str, Any], system: str) -> list[float]:
    if system == "bare":
        return [bare["p50"] for bare in result["bare"].values()]
    return [cells["1"]["p50"] for cells in result[system]["cells"].values()]


def _rates(result: dict[str, Any], system: str) -> list[float]:
    if system == "bare":
        return [bare["throughput"] for bare in result["bare"].values()]
    return [cells["16"]["throughput"] for cells in result[system]["cells"].values()]
