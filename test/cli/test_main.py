"""The command `hand-pose`: verbs, exit status, one line for an error."""

import importlib
import subprocess
import sys

import pytest

from hand_pose_ros.cli import main as cli


@pytest.mark.parametrize('verb', cli.VERBS)
def test_every_verb_explains_itself(verb, capsys):
    if verb in ('train', 'export', 'export-int8', 'import-srhandnet', 'mine', 'synth'):
        pytest.importorskip('torch')
    with pytest.raises(SystemExit) as ended:
        cli.main([verb, '--help'])
    assert ended.value.code == 0
    assert verb in capsys.readouterr().out


def test_help_lists_every_verb(capsys):
    with pytest.raises(SystemExit):
        cli.main(['--help'])
    text = capsys.readouterr().out
    assert all(verb in text for verb in cli.VERBS)


def test_a_wrong_verb_is_status_2(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(['prophesy'])
    assert ended.value.code == 2
    assert 'prophesy' in capsys.readouterr().err


def test_an_error_is_one_line_and_status_1(capsys):
    assert cli.main(['predict', 'nothing.png', '--out', 'out']) == 1
    assert capsys.readouterr().err == 'hand-pose: nothing.png does not exist\n'


@pytest.mark.parametrize('verb', ['train', 'mine', 'export', 'synth'])
def test_a_package_that_is_missing_is_one_line_and_status_1(verb):
    """As torch on a robot, for the verbs of training."""
    lines = [
        'import sys',
        "sys.modules['torch'] = None",
        'from hand_pose_ros.cli.main import main',
        f'sys.exit(main([{verb!r}, "--help"]))',
    ]
    command = [sys.executable, '-c', '\n'.join(lines)]
    child = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (child.returncode, child.stderr.count('\n')) == (1, 1), child.stderr
    assert child.stderr.startswith('hand-pose: ')


def test_ctrl_c_is_status_130(monkeypatch):
    def interrupt(args):
        raise KeyboardInterrupt

    module = importlib.import_module('hand_pose_ros.cli.predict')
    monkeypatch.setattr(module, 'run', interrupt)
    assert cli.main(['predict', 'a.png', '--out', 'out']) == 130
