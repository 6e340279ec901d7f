"""Which labelled photos train a network, and which are held out."""

from pathlib import Path

from hand_pose_ros.data.labels import ImageLabel, read_labels
from hand_pose_ros.data.pictures import Picture, load_picture


def split_photos(
    folder: Path, held_out_groups: tuple[str, ...]
) -> tuple[list[ImageLabel], list[ImageLabel]]:
    """Splits a data set by its groups; pictures without labels are left out.

    Args:
        folder: A data set in the format of data/labels.py.
        held_out_groups: Groups that go to the second list.

    Returns:
        Labels to train on, and labels held out; some of either of pictures with further hands.
    """
    usable = [label for label in read_labels(folder) if label.hands]
    kept = [label for label in usable if label.group in held_out_groups]
    return [label for label in usable if label.group not in held_out_groups], kept


def load_pictures(
    folder: Path, labels: list[ImageLabel], matte_groups: tuple[str, ...]
) -> list[Picture]:
    """Reads labelled photos into memory; those whose hands are hardly to be seen are left out.

    Args:
        folder: Folder of the data set.
        labels: Which of its pictures.
        matte_groups: Groups whose hands are cut out of their plain background.
    """
    pictures = [load_picture(folder, label, label.group in matte_groups) for label in labels]
    return [picture for picture in pictures if len(picture.keypoints_px)]
