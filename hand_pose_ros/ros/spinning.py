"""Runs nodes beside other code of the same process: a demo, a benchmark, a test."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread

from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node


@contextmanager
def spinning(*nodes: Node) -> Iterator[None]:
    """Runs the callbacks of nodes in a thread, as long as the `with` block lasts.

    Args:
        nodes: Nodes of one context; destroying them stays the caller's task.
    """
    executor = SingleThreadedExecutor(context=nodes[0].context)
    for node in nodes:
        executor.add_node(node)

    def spin() -> None:
        with suppress(ExternalShutdownException):
            executor.spin()

    thread = Thread(target=spin, name='executor')
    thread.start()
    try:
        yield
    finally:
        executor.shutdown()
        thread.join()
