"""`hand-pose evaluate systems`: every estimator beside the plain baselines, table and plot."""

import argparse
from collections.abc import Mapping
from itertools import chain
from pathlib import Path

from tqdm import tqdm

from hand_pose_ros.cli.evaluate_photos import held_out_photos, labelled_sets, photo_recipe
from hand_pose_ros.cli.inputs import tell_left_out
from hand_pose_ros.evaluation.benchmark import surroundings
from hand_pose_ros.evaluation.published_keypoints import ON_OWN_SETS
from hand_pose_ros.evaluation.systems import MeasuredSystem, SystemScores, systems_of
from hand_pose_ros.evaluation.tables import comparison
from hand_pose_ros.runtimes.open import shipped_models

HELD_OUT = 'held-out photos'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the protocol's arguments."""
    parser.add_argument(
        'recipe', type=Path, nargs='?', help='the photos that it holds out are a set, too'
    )
    parser.add_argument('--data', type=Path, help="folder of the recipe's folders")
    parser.add_argument(
        '--labelled', type=Path, nargs='*', default=[], help='data sets, evaluated whole'
    )
    parser.add_argument(
        '--models', nargs='+', help='names or .onnx files (default: all that are shipped)'
    )
    parser.add_argument(
        '--out',
        type=Path,
        default=Path('out/systems.png'),
        help='plot of accuracy against latency (default: %(default)s)',
    )


def run(args: argparse.Namespace) -> int:
    """Prints PCK, size and latency of each system, and plots accuracy against latency."""
    sets = labelled_sets(args.labelled)
    if (args.recipe is None) != (args.data is None):
        raise ValueError('expected RECIPE and --data together, got one of them')
    if args.recipe is not None:
        groups = held_out_photos(photo_recipe(args.recipe), args.data)
        sets = {HELD_OUT: list(chain.from_iterable(groups.values())), **sets}
    if not sets:
        raise ValueError('systems needs RECIPE and --data, or --labelled, or both')
    where = surroundings()
    print(f'{where["date"]}, {where["cpu"]}, {where["cores"]} cores, commit {where["commit"]}')
    scores: dict[str, SystemScores] = {}
    rows: dict[str, dict[str, float]] = {}
    missing = []
    problems: list[str] = []
    for system in tqdm(systems_of(args.models or shipped_models()), 'systems', disable=None):
        try:
            measured = MeasuredSystem(system)
        except (FileNotFoundError, ValueError) as error:
            missing.append(f'{system.name}: {error}')
            rows[f'{system.name} (no weights)'] = {}
            continue
        scores[system.name] = measured.measure(sets, problems)
        rows[system.name] = _row(scores[system.name])
    print(comparison(rows, (), methods_down=True))
    print('Parameters of all networks of a system; multiply-adds and time, medians, of pictures')
    print('with one labelled hand, in ONNX Runtime on the CPU. PCK counts hidden joints, too.')
    print(*missing, '', sep='\n')
    print("SRHandNet's own tables, for the order of their systems. Sets of ours called SH, DH and")
    print('SMH are rendered, other pictures: no number here is comparable with one above.')
    print(comparison({}, ON_OWN_SETS, methods_down=True))
    _draw(scores, args.out)
    tell_left_out(problems)
    return 0


def _row(scores: SystemScores) -> dict[str, float]:
    accuracy = {f'PCK@0.2 {name}': value for name, value in scores.pck.items()}
    return {
        'M parameters': scores.million_parameters,
        'GMAC': scores.gmac,
        'median ms': scores.median_ms,
        **accuracy,
    }


def _draw(scores: Mapping[str, SystemScores], path: Path) -> None:
    """Draws accuracy over latency, a panel for each data set."""
    try:
        # Only training's machines need it otherwise.
        from matplotlib.figure import Figure  # noqa: PLC0415
        from matplotlib.ticker import LogLocator, ScalarFormatter  # noqa: PLC0415
    except ImportError:
        print('no plot: pip install matplotlib')
        return
    sets = list(next(iter(scores.values())).pck) if scores else []
    figure = Figure(figsize=(max(4.5 * len(sets), 9), 5.5), layout='constrained')
    for index, name in enumerate(sets):
        axes = figure.add_subplot(1, len(sets), index + 1, title=name)
        for number, (system, each) in enumerate(scores.items()):
            marker = 'os^DvPX'[number % 7]
            label = system if index == 0 else None
            axes.plot(each.median_ms, each.pck[name], marker, markersize=9, label=label)
        axes.set_xscale('log')
        axes.minorticks_off()
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter(ScalarFormatter())
        axes.set(xlabel='ms per picture with one hand (CPU)', ylabel='PCK@0.2', ylim=(0, 1))
        axes.grid(alpha=0.3)
    figure.legend(loc='outside lower center', ncols=2)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)
    print(f'see {path}')
