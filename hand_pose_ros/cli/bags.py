"""Frames from ROS 2 bags, chosen, paired and read as the node would."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from os.path import commonpath
from pathlib import Path
from typing import Any

from rclpy.serialization import deserialize_message
from rosbags.rosbag2 import Reader
from rosbags.rosbag2.errors import ReaderError
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import String

from hand_pose_ros.cli.inputs import CAMERA_RATE_HZ, NamedFrame, Source, Topics
from hand_pose_ros.data.labels import ImageLabel, image_from_json
from hand_pose_ros.ros.conversions import DEPTH_ENCODINGS, stamp_s_of
from hand_pose_ros.ros.frames import AnyImage, frame_from_msgs
from hand_pose_ros.ros.synchroniser import FrameMessages, Synchroniser

TYPES = {
    'sensor_msgs/msg/Image': Image,
    'sensor_msgs/msg/CompressedImage': CompressedImage,
    'sensor_msgs/msg/CameraInfo': CameraInfo,
}
TRUTH_TOPIC = '/ground_truth'
"""std_msgs/String, the JSON of a picture's labels, recorded at the same time as its image."""


def open_bag(path: Path, name: str, topics: Topics) -> Source:
    """Opens a bag.

    Args:
        path: A bag's folder, or one .mcap or .db3 file.
        name: What to call it in results.
        topics: Topics to read; those that are None are chosen by type, encoding and frame.

    Returns:
        Its images, with the depth and the camera that belong to them.

    Raises:
        ValueError: It is no bag, has no image topic or several, or lacks a topic asked for.
    """
    problems: list[str] = []
    try:
        with Reader(_storage(path)) as bag:
            chosen = _choose(path, bag, topics, problems)
            truth = _read_truth(path, bag)
            length = bag.topics[str(chosen.image)].msgcount
            rate_hz = (length - 1) / max(bag.duration * 1e-9, 1e-3)
    except ReaderError as error:
        raise ValueError(f'{path} is not a ROS 2 bag that can be read: {error}') from error
    return Source(
        name,
        _frames(path, name, chosen, truth, problems),
        length,
        rate_hz or CAMERA_RATE_HZ,
        has_depth=chosen.depth is not None and chosen.camera_info is not None,
        problems=problems,
    )


def _storage(path: Path) -> Path:
    """Returns the one file of a folder that a recorder did not get to finish, else the path."""
    if path.is_dir() and not (path / 'metadata.yaml').exists():
        files = [each for each in path.iterdir() if each.suffix in ('.db3', '.mcap')]
        if len(files) == 1:
            return files[0]
    return path


def _choose(path: Path, bag: Reader, topics: Topics, problems: list[str]) -> Topics:
    """Chooses the topics that nobody has named."""
    first = _first_messages(bag)
    for topic in (topics.image, topics.depth, topics.camera_info):
        if topic is not None and topic not in first:
            raise ValueError(f'{path} has no image or camera_info topic {topic}; {_listing(bag)}')
    images = {topic: each for topic, each in first.items() if not isinstance(each, CameraInfo)}
    image = topics.image or _image_topic(path, bag, images)
    frame_id = first[image].header.frame_id
    depths = sorted(topic for topic, each in images.items() if _is_depth(each))
    aligned = [topic for topic in depths if first[topic].header.frame_id == frame_id]
    if depths and not aligned and topics.depth is None:
        problems.append(
            f'{path}: no depth in the frame of the image, {frame_id!r}, among {depths}'
        )
    cameras = [
        topic
        for topic, each in first.items()
        # As for the node: some drivers give it no frame.
        if isinstance(each, CameraInfo) and each.header.frame_id in ('', frame_id)
    ]
    # The camera_info of an image has its frame, and stands beside it.
    nearest = max(
        cameras,
        key=lambda topic: (first[topic].header.frame_id, len(commonpath((topic, image)))),
        default=None,
    )
    depth = topics.depth or next(iter(aligned), None)
    camera_info = topics.camera_info or nearest
    if depth and not camera_info:
        problems.append(
            f'{path}: no camera_info in the frame of the image, {frame_id!r}: without it depth '
            'gives no metres'
        )
    return replace(topics, image=image, depth=depth, camera_info=camera_info)


def _first_messages(bag: Reader) -> dict[str, Any]:
    """Returns the first message of each topic of images or camera_info."""
    first = {}
    for topic, info in bag.topics.items():
        if info.msgtype in TYPES:
            for _, _, data in islice(bag.messages(info.connections), 1):
                first[topic] = _deserialised(data, topic, info.msgtype)
    return first


def _deserialised(data: bytes, topic: str, kind: str) -> Any:
    try:
        return deserialize_message(data, TYPES[kind])
    except RuntimeError as error:
        raise ValueError(f'{topic} holds something that is no {kind}: {error}') from error


def _image_topic(path: Path, bag: Reader, images: Mapping[str, AnyImage]) -> str:
    """Chooses the only colour stream, raw rather than compressed; a grey one if there is none."""
    visible = sorted(topic for topic, each in images.items() if not _is_depth(each))
    candidates = [topic for topic in visible if not _format(images[topic]).startswith('mono')]
    candidates = candidates or visible
    if not candidates:
        raise ValueError(f'{path} has no image topic; {_listing(bag)}')
    if len({topic.removesuffix('/compressed') for topic in candidates}) > 1:
        several = ', '.join(candidates)
        raise ValueError(f'{path} has several image topics, choose by --image-topic: {several}')
    return candidates[0]


def _is_depth(image: AnyImage) -> bool:
    return _format(image).split(';')[0] in DEPTH_ENCODINGS


def _format(image: AnyImage) -> str:
    return image.format if isinstance(image, CompressedImage) else image.encoding


def _listing(bag: Reader) -> str:
    topics = ', '.join(f'{topic} ({info.msgtype})' for topic, info in bag.topics.items())
    return f'its topics are: {topics or "none"}'


def _read_truth(path: Path, bag: Reader) -> dict[int, ImageLabel]:
    """Returns the labels by the time at which they were recorded, in nanoseconds."""
    info = bag.topics.get(TRUTH_TOPIC)
    if info is None or info.msgtype != 'std_msgs/msg/String':
        return {}
    try:
        return {
            logged_ns: image_from_json(json.loads(deserialize_message(data, String).data))
            for _, logged_ns, data in bag.messages(info.connections)
        }
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f'{path}: {TRUTH_TOPIC} holds no labels: {error!r}') from error


def _frames(
    path: Path,
    name: str,
    topics: Topics,
    truth: Mapping[int, ImageLabel],
    problems: list[str],
) -> Iterator[NamedFrame]:
    index = 0
    try:
        with Reader(_storage(path)) as bag:
            for messages, logged_ns in _messages(bag, topics):
                try:
                    frame = frame_from_msgs(
                        messages, topics.rectified, lambda _, text: problems.append(text)
                    )
                except ValueError as error:
                    problems.append(str(error))
                else:
                    yield NamedFrame(f'{name}/{index:06d}', frame, truth.get(logged_ns))
                index += 1
    except (ReaderError, ValueError) as error:
        problems.append(f'{path} cannot be read beyond image {index}: {error}')


def _messages(bag: Reader, topics: Topics) -> Iterator[tuple[FrameMessages, int]]:
    """Plays the bag to a synchroniser on the clock of the recording.

    Yields:
        The messages of each frame, and when its image was recorded, in nanoseconds.
    """
    synchroniser = Synchroniser()
    wanted = (topics.image, topics.depth, topics.camera_info)
    connections = [each for each in bag.connections if each.topic in wanted]
    now_s = 0.0
    for connection, logged_ns, data in bag.messages(connections):
        now_s = logged_ns * 1e-9
        yield from _taken(synchroniser, now_s)
        message = _deserialised(data, connection.topic, connection.msgtype)
        if connection.topic == topics.camera_info:
            synchroniser.camera_info = message
        elif connection.topic == topics.depth:
            synchroniser.add_depth(stamp_s_of(message.header), message, now_s)
        else:
            synchroniser.add_rgb(stamp_s_of(message.header), (message, logged_ns), now_s)
        yield from _taken(synchroniser, now_s)
    # Those that still wait for depth which does not come any more, one by one.
    while (left_s := synchroniser.wait_s(now_s)) is not None:
        now_s += left_s
        yield from _taken(synchroniser, now_s)


def _taken(synchroniser: Synchroniser, now_s: float) -> Iterator[tuple[FrameMessages, int]]:
    messages = synchroniser.take(now_s)
    if messages is not None:
        image, logged_ns = messages.rgb
        yield replace(messages, rgb=image), logged_ns
