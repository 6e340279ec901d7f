"""A git repository of pictures and a video, and a list of their labels."""

import json
import subprocess

import cv2
import numpy as np
from oracle import open_hand

HAND_PX = open_hand((300, 200), 150)
FRAMES = 6


def ramp(width, height):
    """(H, W, 3) uint8 R, G, B, smooth so that JPEG keeps it."""
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return np.stack((x, y, 255 - x), axis=2).astype(np.uint8)


def write_picture(path, rgb):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), rgb[..., ::-1])


def write_video(path):
    """Writes grey frames, each brighter than the one before."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'MJPG'), 10, (64, 48))
    for number in range(FRAMES):
        writer.write(np.full((48, 64, 3), 40 * number, np.uint8))
    writer.release()


def make_repository(folder):
    """Commits two pictures, a video and a file that is no picture; returns the commit."""
    write_picture(folder / 'photos/large.png', ramp(1280, 960))
    write_picture(folder / 'photos/small.jpg', ramp(320, 240))
    write_video(folder / 'clip.avi')
    (folder / 'photos/broken.jpg').write_bytes(b'not a picture')
    git(folder, 'init', '--quiet')
    git(folder, 'add', '.')
    who = ('-c', 'user.name=test', '-c', 'user.email=test@localhost', '-c', 'commit.gpgsign=false')
    git(folder, *who, 'commit', '--quiet', '--message', 'pictures')
    return git(folder, 'rev-parse', 'HEAD')


def git(folder, *arguments):
    command = ['git', '-C', str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def entry(path, size, **changes):
    """What a list says of a picture with HAND_PX."""
    hand = {'side': 'left', 'keypoints': np.round(HAND_PX, 1).ravel().tolist()}
    picture = {'path': path, 'group': 'test/a', 'complete': True, 'size': size, 'hands': [hand]}
    return {**picture, **changes}


def entries():
    """All that can be had of the repository."""
    return [
        entry('photos/large.png', [640, 480]),
        entry('photos/small.jpg', [320, 240], group='test/b', complete=False),
        *(entry('clip.avi', [64, 48], frame=number) for number in (1, 4)),
    ]


def write_list(path, repository, commit, pictures):
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {'repository': str(repository), 'commit': commit, 'licence': 'MIT'}
    path.write_text(json.dumps({**document, 'pictures': pictures}))
