"""`hand-pose evaluate PROTOCOL ...`: how good a model is on pictures it has not seen.

A protocol is a data set and how the field measures on it. One file of this folder holds those of
one kind; it has `add_arguments(parser)` and `run(args)`, as a verb has.
"""

import argparse
import importlib

PHOTOS, KEYPOINTS, JOINTS = 'evaluate_photos', 'evaluate_keypoints', 'evaluate_joints'
PROTOCOLS = {
    'photos': (PHOTOS, 'PCK and false hands on photos that a recipe holds out'),
    'presence': ('evaluate_presence', 'ROC of pictures with a hand against those without'),
    'depth': ('evaluate_depth', 'joints in metres of rendered hands, by look-up and by network'),
    'real_depth': ('evaluate_real_depth', 'joints in real depth, hands given as boxes'),
    'masks': ('evaluate_masks', 'AP of hand masks on sets that `hand-pose synth` made'),
    'systems': ('evaluate_systems', 'every estimator beside the plain baselines'),
    'onehand10k': (KEYPOINTS, '2D keypoints on the test set of OneHand10K'),
    'onehand10k_masks': ('evaluate_masks', 'AP of hand masks on the test set of OneHand10K'),
    'freihand': (KEYPOINTS, '2D keypoints on the evaluation set of FreiHAND'),
    'rhd': (KEYPOINTS, '2D keypoints on the evaluation set of RHD'),
    'cmu': (KEYPOINTS, '2D keypoints on the manual test set of CMU hands'),
    'stb': (KEYPOINTS, '2D keypoints on the test sequences of STB'),
    'lsmv': (KEYPOINTS, '2D keypoints on LSMV'),
    'dexter_object': (KEYPOINTS, '2D fingertips on Dexter+Object'),
    'interhand': (KEYPOINTS, '2D keypoints on the test set of InterHand2.6M'),
    'coco_wholebody': (KEYPOINTS, '2D keypoints of hands on COCO-WholeBody'),
    'nyu': (JOINTS, '3D joint errors of prediction files on NYU'),
    'icvl': (JOINTS, '3D joint errors of prediction files on ICVL'),
    'msra': (JOINTS, '3D joint errors of prediction files on MSRA'),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the verb's arguments; those of a protocol are declared when it is chosen."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = '\n'.join(f'  {name:16} {text}' for name, (_, text) in PROTOCOLS.items())
    parser.add_argument('protocol', choices=PROTOCOLS, metavar='PROTOCOL', help='see below')
    parser.add_argument(
        'arguments', nargs=argparse.REMAINDER, metavar='...', help='see PROTOCOL --help'
    )


def run(args: argparse.Namespace) -> int:
    """Runs the protocol."""
    name, text = PROTOCOLS[args.protocol]
    # Only the protocol in use is imported: a recipe needs torch, a prediction file does not.
    module = importlib.import_module(f'hand_pose_ros.cli.{name}')
    parser = argparse.ArgumentParser(f'hand-pose evaluate {args.protocol}', description=text)
    parser.set_defaults(protocol=args.protocol)
    module.add_arguments(parser)
    return int(module.run(parser.parse_args(args.arguments)))
