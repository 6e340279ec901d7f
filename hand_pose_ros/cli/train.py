"""`hand-pose train RECIPE`: train a network, or go on training it."""

import argparse
import os
import socket
from pathlib import Path

from hand_pose_ros.runtimes.open import find_model
from hand_pose_ros.runtimes.torch_runtime import torch_device
from hand_pose_ros.training.loop import Job, train
from hand_pose_ros.training.tasks import read_task


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the verb's arguments."""
    parser.add_argument('recipe', type=Path, help='a file of config/models')
    parser.add_argument('--data', type=Path, required=True, help="folder of the recipe's folders")
    parser.add_argument('--out', type=Path, help='checkpoint, log, curves (default: runs/RECIPE)')
    parser.add_argument('--start', metavar='MODEL', help='start from the weights of a model')
    parser.add_argument('--device', help='cpu or cuda (default: cuda where there is one)')
    parser.add_argument(
        '--processes',
        type=int,
        help='CPU processes that train, or make samples for the GPU (default: one per core); '
        "a step sees the recipe's batch so many times",
    )


def run(args: argparse.Namespace) -> int:
    """Trains; an existing checkpoint in the output folder is resumed."""
    device = torch_device(args.device)
    processes = len(os.sched_getaffinity(0)) if args.processes is None else args.processes
    if processes < 1:
        raise ValueError(f'--processes must be at least 1, got {processes}')
    out = args.out or Path('runs') / args.recipe.stem
    if (out / 'checkpoint.pt').exists():
        print(f'going on from {out / "checkpoint.pt"}')
    task = read_task(args.recipe)
    task.load(args.data)
    with socket.create_server(('127.0.0.1', 0)) as server:
        port = server.getsockname()[1]
    start = find_model(args.start) if args.start else None
    train(Job(task, out, device, processes, port, start))
    return 0
