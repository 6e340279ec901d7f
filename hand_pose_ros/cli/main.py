"""`hand-pose VERB`: one module of this folder per verb."""

import argparse
import importlib
import sys
from collections.abc import Sequence

VERBS = {
    'predict': 'find hands in pictures, videos, bags or a camera',
    'demo': 'send the same inputs through the real ROS node',
    'doctor': 'tell what this machine has, and what to install',
    'build-engine': 'build TensorRT engines before the robot needs them',
    'selftest': 'compare a runtime with ONNX Runtime on the CPU, for bug reports',
    'benchmark': 'measure speed, of the models or of the node',
    'train': 'train a network, or go on training it',
    'gather': 'fetch the photographs of listed labels from their public repositories',
    'label': 'label pictures for training, where several views of them agree',
    'mine': 'find what a model takes for hands, for training',
    'evaluate': 'measure how good a model is on pictures it has not seen',
    'overlay': 'draw the labels of a published data set, to see whether it is read right',
    'export': 'turn a checkpoint into a model file',
    'export-int8': 'make a model file smaller, and faster',
    'import-srhandnet': 'turn the SRHandNet that its authors released into a model file',
    'synth': 'render a data set of hands',
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a verb.

    Args:
        arguments: Command line without the program's name; sys.argv if None.

    Returns:
        Exit status: 0, 1 for an error told in one line, 2 for a wrong command line.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser('hand-pose', description='Hand keypoints from RGB-D.')
    verbs = parser.add_subparsers(dest='verb', required=True, metavar='VERB')
    # Only the verb in use is imported: torch takes seconds to load.
    try:
        for verb, text in VERBS.items():
            verb_parser = verbs.add_parser(verb, help=text, description=text)
            if arguments[:1] == [verb]:
                module = importlib.import_module(f'hand_pose_ros.cli.{verb.replace("-", "_")}')
                module.add_arguments(verb_parser)
        args = parser.parse_args(arguments)
        return int(module.run(args))
    except (ValueError, OSError, RuntimeError, ImportError) as error:
        print(f'hand-pose: {error}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == '__main__':
    sys.exit(main())
