"""All benchmarks, one after the other, each in a process of its own.

    python -m tests.bench                  everything but the 10 GB file, about a quarter of an hour
    python -m tests.bench overhead job     only these
    python -m tests.bench --short --guard  a quick look at the ratios; fails when one is worse than it was recorded

A table, the figures and a page of plots are written to the folder that `--out` names.
"""

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from tests.bench.figures import ROOT, Figure, Found, Plot, table

PARTS = ("overhead", "flows", "metrics", "job", "first_byte", "unseen", "pages", "footprint", "growth", "bigger")
RECORDED = Path(__file__).parent / "recorded.json"
# How much worse than recorded a ratio may be on a noisy machine before it counts; LEAST is for those near zero.
MARGIN, LEAST = 0.5, 0.01


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "parts", nargs="*", metavar="part", help=f"any of {', '.join(PARTS)}; none: all, and bigger only with --short"
    )
    parser.add_argument("--short", action="store_true", help="fewer repetitions and smaller data")
    parser.add_argument("--guard", action="store_true", help="fail when a ratio is worse than recorded")
    parser.add_argument("--record", action="store_true", help="remember the ratios of this run, for the guard")
    parser.add_argument("--out", type=Path, help="the folder to write to; none: only print")
    chosen = parser.parse_args()
    if unknown := set(chosen.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    wanted = chosen.parts or (PARTS if chosen.short else PARTS[:-1])
    found = {part: measured(part, chosen.short) for part in PARTS if part in wanted}
    if chosen.out:
        write(chosen.out, found)
    if chosen.record:
        record(found)
    return guard(found) if chosen.guard else 0


def measured(part: str, short: bool) -> Found:
    """What one benchmark finds; what it prints is shown as it comes."""
    begun = time.monotonic()
    print(f"\n## {part}\n", flush=True)
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        subprocess.run(
            [sys.executable, "-m", f"tests.bench.{part}", *(["--short"] if short else []), "--json", file.name],
            cwd=ROOT,
            check=True,
        )
        told = json.loads(Path(file.name).read_text())
    print(f"\n{time.monotonic() - begun:.0f} s", flush=True)
    return Found([Figure(**each) for each in told["figures"]], [Plot(**each) for each in told["plots"]])


def write(folder: Path, found: dict[str, Found]) -> None:
    """The tables as Markdown, the figures as JSON, the plots as a page."""
    folder.mkdir(parents=True, exist_ok=True)
    tables = [f"## {part}\n\n{table(each.figures)}" for part, each in found.items()]
    (folder / "figures.md").write_text("\n\n".join([f"# Measured {where()}", *tables, ""]))
    (folder / "plots.html").write_text(page(found))


def where() -> str:
    names = ("scikit-learn", "pandas", "pyarrow", "streamlit", "rq", "redis", "SQLAlchemy")
    libraries = ", ".join(f"{name} {version(name)}" for name in names)
    return (
        f"{time.strftime('%d %B %Y')} on {platform.system()} {platform.machine()} with {cores()} cores, "
        f"Python {platform.python_version()}, {libraries}"
    )


def cores() -> int:
    import psutil

    return psutil.cpu_count() or 1


def page(found: dict[str, Found]) -> str:
    """Every figure that has a target, as a share of it, and every plot."""
    import plotly.graph_objects as go

    aimed = [(part, figure) for part, each in found.items() for figure in each.figures if figure.target]
    shares = [
        figure.target / figure.value if figure.at_least else figure.value / figure.target  # type: ignore[operator]
        for _part, figure in aimed
    ]
    bars = go.Figure(go.Bar(x=shares, y=[f"{part}: {figure.what}" for part, figure in aimed], orientation="h"))
    bars.update_layout(title="Measured, as a share of the target: 1 is just reached, less is better", height=600)
    bars.update_yaxes(autorange="reversed", automargin=True)
    drawn = [bars]
    for plot in (plot for each in found.values() for plot in each.plots):
        figure = go.Figure(
            [
                go.Scatter(x=[x for x, _ in points], y=[y for _, y in points], name=name)
                for name, points in plot.lines.items()
            ]
        )
        drawn.append(figure.update_layout(title=plot.title, xaxis_title=plot.x, yaxis_title=plot.y))
    return "\n".join(
        each.to_html(full_html=False, include_plotlyjs=number == 0, config={"showSendToCloud": False})
        for number, each in enumerate(drawn)
    )


def ratios(found: dict[str, Found]) -> dict[str, Figure]:
    """The figures that mean the same on every machine."""
    return {
        f"{part}: {figure.what}": figure for part, each in found.items() for figure in each.figures if figure.guarded
    }


def record(found: dict[str, Found]) -> None:
    kept = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
    kept |= {name: round(figure.value, 3) for name, figure in ratios(found).items()}
    RECORDED.write_text(json.dumps(kept, indent=2, sort_keys=True) + "\n")


def guard(found: dict[str, Found]) -> int:
    """0 when no ratio is worse than recorded by more than the margin; one that seems so is measured once more."""
    bad = worse(found)
    if bad:
        print(f"\nMeasured once more, as these were worse than recorded:\n{bad}")
        bad = worse({part: measured(part, True) for part in {name.partition(":")[0] for name in bad}})
    for name, words in bad.items():
        print(f"WORSE {name}: {words}")
    return 1 if bad else 0


def worse(found: dict[str, Found]) -> dict[str, str]:
    """Which ratios are worse than recorded, and which held figures miss their target, and by how much."""
    recorded = json.loads(RECORDED.read_text())
    bad = {
        f"{part}: {figure.what}": f"{figure.value:.3g}, target {figure.target}"
        for part, each in found.items()
        for figure in each.figures
        if figure.held_to_target and not figure.met
    }
    for name, figure in ratios(found).items():
        before = recorded[name]
        limit = before / (1 + MARGIN) if figure.at_least else before * (1 + MARGIN) + LEAST
        if (figure.value < limit) if figure.at_least else (figure.value > limit):
            bad[name] = f"{figure.value:.3g}, recorded {before:.3g}, limit {limit:.3g}"
    return bad


if __name__ == "__main__":
    sys.exit(main())
