"""Models in int8: what stays, what becomes smaller, and how the loss is measured."""

from dataclasses import asdict, replace
from pathlib import Path

import pytest
import yaml

from hand_pose_ros.cli.main import main
from hand_pose_ros.data.labels import read_labels
from hand_pose_ros.runtimes.base import METADATA_KEY, SkeletonSpec
from hand_pose_ros.runtimes.engine_options import EngineError
from hand_pose_ros.runtimes.engine_precision import model_for
from hand_pose_ros.runtimes.onnx_runtime import OnnxRuntime
from hand_pose_ros.runtimes.open import WEIGHTS
from hand_pose_ros.training.quantise import network_inputs, outer_layers
from hand_pose_ros.training.tasks import read_task

onnx = pytest.importorskip('onnx')

NANO = WEIGHTS / 'srhandnet_nano.onnx'
RECIPE = Path(__file__).parents[2] / 'config' / 'models' / 'srhandnet_nano.yaml'


def recipe_holding_out(groups, folder):
    recipe = replace(read_task(RECIPE).recipe, held_out_groups=groups)
    values = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(recipe).items()}
    path = folder / 'recipe.yaml'
    path.write_text(yaml.safe_dump(values))
    return str(path)


def test_the_file_is_half_as_large_opens_like_the_other_and_keeps_its_outer_layers(
    data, tmp_path, capsys
):
    recipe, out = recipe_holding_out(('b',), tmp_path), tmp_path / 'int8.onnx'
    arguments = [recipe, 'srhandnet_nano', str(out), '--photos', str(data / 'photos')]
    assert main(['export-int8', *arguments]) == 0
    text = capsys.readouterr().out
    assert 'MB instead of 4.0 MB' in text
    assert 'on 1 held-out photos: outputs differ by 0.' in text
    assert out.stat().st_size < 0.6 * NANO.stat().st_size
    assert OnnxRuntime(out, 1).spec == OnnxRuntime(NANO, 1).spec
    graph = onnx.load(out).graph
    rounded = {node.output[0] for node in graph.node if node.op_type == 'DequantizeLinear'}
    layers = [node for node in graph.node if node.op_type == 'Conv']
    in_float = [node.name for node in layers if node.input[1] not in rounded]
    assert len(layers) == 32
    assert in_float == outer_layers(graph)
    assert len(in_float) == 2
    assert sorted(tmp_path.glob('*.onnx')) == [out]


def test_what_is_rounded_for_tensorrt_is_what_its_engines_take(data, tmp_path):
    recipe, out = recipe_holding_out(('b',), tmp_path), tmp_path / 'int8.onnx'
    arguments = [recipe, 'srhandnet_nano', str(out), '--photos', str(data / 'photos')]
    assert main(['export-int8', *arguments, '--tensorrt']) == 0
    assert model_for(out, 'int8') == out.read_bytes()
    main(['export-int8', *arguments])
    with pytest.raises(EngineError, match='hand-pose export-int8 --tensorrt'):
        model_for(out, 'int8')


def test_a_network_is_calibrated_on_whole_photos_and_on_their_regions(data):
    folder = data / 'photos'
    (label, *_) = read_labels(folder)
    inputs = network_inputs(OnnxRuntime(NANO, 1), [(folder / label.image, label)])
    assert [each['image'].shape for each in inputs] == [(1, 256, 256, 3), (1, 128, 128, 3)]


def test_outer_layers_are_those_without_a_layer_before_or_after():
    node = onnx.helper.make_node
    nodes = [
        node('Cast', ['image'], ['floats'], to=1),
        node('Conv', ['floats', 'w'], ['a'], name='first'),
        node('Conv', ['a', 'w'], ['b'], name='inner'),
        node('Conv', ['b', 'w'], ['c'], name='last'),
        node('Conv', ['a', 'w'], ['d'], name='beside'),
        node('Add', ['c', 'd'], ['maps']),
    ]
    info = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(nodes, '', [info('image', 2, ['n'])], [info('maps', 1, ['n'])])
    assert sorted(outer_layers(graph)) == ['beside', 'first', 'last']


@pytest.mark.parametrize(('groups', 'counts'), [((), '6 and 0'), (('a', 'b'), '0 and 6')])
def test_photos_of_only_one_kind_are_refused(groups, counts, data, tmp_path, capsys):
    arguments = [recipe_holding_out(groups, tmp_path), 'srhandnet_nano', 'o.onnx']
    assert main(['export-int8', *arguments, '--photos', str(data / 'photos')]) == 1
    assert f'got {counts}' in capsys.readouterr().err


def test_a_network_that_reads_no_photos_of_hands_is_refused(data, tmp_path, capsys):
    other = tmp_path / 'skeleton.onnx'
    model = onnx.load(NANO)
    (entry,) = [each for each in model.metadata_props if each.key == METADATA_KEY]
    entry.value = SkeletonSpec('skeleton_unet', 'slim', 256, 128).to_json()
    onnx.save(model, other)
    arguments = [recipe_holding_out(('b',), tmp_path), str(other), str(tmp_path / 'out.onnx')]
    assert main(['export-int8', *arguments, '--photos', str(data / 'photos')]) == 1
    assert 'got a skeleton_unet' in capsys.readouterr().err
    assert not (tmp_path / 'out.onnx').exists()
