"""Who may import whom: downwards only, and heavy packages in few places."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / 'hand_pose_ros').rglob('*.py'))

BASE = {'skeleton', 'types'}
PREDICT = BASE | {'geometry', 'codecs', 'runtimes', 'estimators', 'pipeline'}
LEARN = PREDICT | {'networks', 'data', 'evaluation', 'training'}
ALLOWED = {
    'skeleton': set(),
    'types': {'skeleton'},
    'geometry': BASE,
    'codecs': BASE | {'geometry'},
    'networks': BASE,
    'runtimes': BASE | {'networks'},
    'estimators': BASE | {'geometry', 'codecs', 'runtimes'},
    'pipeline': PREDICT,
    'data': BASE | {'geometry', 'codecs'},
    'evaluation': PREDICT | {'data'},
    'training': LEARN,
    'ros': PREDICT | {'msg'},
    'cli': LEARN | {'ros', 'msg'},
}
TORCH = (
    'networks.',
    'training.',
    'data.',
    'runtimes.torch_runtime',
    # A verb is imported only when it is the one in use.
    'cli.synth',
    'cli.train',
)
# Asked for where they are used, from pip or the GPU's vendor: export, one runtime.
OPTIONAL = {'cuda', 'onnx', 'tensorrt'}
ROSDEP = {
    'cv2': 'python3-opencv',
    'google': 'python3-protobuf',
    'matplotlib': 'python3-matplotlib',
    'numpy': 'python3-numpy',
    'onnxruntime': 'python3-onnxruntime-pip',
    'rosbags': 'python3-rosbags-pip',
    'scipy': 'python3-scipy',
    'torch': 'python3-torch',
    'tqdm': 'python3-tqdm',
    'yaml': 'python3-yaml',
}


def name_of(path: Path) -> str:
    """The module's name below hand_pose_ros, such as 'codecs.heatmap'."""
    return '.'.join(path.relative_to(ROOT / 'hand_pose_ros').with_suffix('').parts)


def imported(path: Path) -> Iterator[str]:
    """Every module that a file imports, at its top or inside a function."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module)


IMPORTS = {name_of(path): set(imported(path)) for path in MODULES}
FOREIGN = {
    name: {top for top in (target.split('.')[0] for target in targets) if top != 'hand_pose_ros'}
    for name, targets in IMPORTS.items()
}


def test_imports_run_downwards_only():
    upwards = [
        f'{name} imports {target}'
        for name, targets in IMPORTS.items()
        for target in targets
        if target.startswith('hand_pose_ros.')
        and target.split('.')[1] not in ALLOWED[name.split('.')[0]] | {name.split('.')[0]}
    ]
    assert upwards == []


def test_torch_stays_where_networks_train_and_hands_are_rendered():
    elsewhere = [name for name, tops in FOREIGN.items() if 'torch' in tops]
    assert [name for name in elsewhere if not name.startswith(TORCH)] == []


def test_ros_stays_in_ros_and_cli():
    with_ros = [
        name
        for name, tops in FOREIGN.items()
        if any(top == 'rclpy' or top.endswith('_msgs') for top in tops)
    ]
    assert [name for name in with_ros if not name.startswith(('ros.', 'cli.'))] == []


def test_a_robot_without_torch_can_import_the_node_and_all_it_needs(tmp_path):
    pytest.importorskip('rclpy')
    needed = [
        name.removesuffix('.__init__')
        for name in IMPORTS
        if name.split('.')[0] in PREDICT | {'ros'}
        and not name.startswith(('runtimes.torch', 'runtimes.tensorrt'))
    ]
    lines = ['import sys', "sys.modules['torch'] = None"]
    lines += [f'import hand_pose_ros.{name}' for name in needed]
    subprocess.run([sys.executable, '-c', '\n'.join(lines)], cwd=tmp_path, check=True)


def test_package_xml_names_a_rosdep_key_for_every_import():
    tree = ElementTree.parse(ROOT / 'package.xml')
    named = {element.text for element in tree.iter() if element.tag.endswith('depend')}
    used = set().union(*FOREIGN.values()) - OPTIONAL - set(sys.stdlib_module_names)
    assert {ROSDEP.get(top, top) for top in used} - named == set()
