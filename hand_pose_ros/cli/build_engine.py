"""`hand-pose build-engine`: build TensorRT engines before the robot needs them."""

import argparse
import time
from pathlib import Path

from tqdm import tqdm

from hand_pose_ros.cli.settings import add_setting_arguments, pipeline_settings
from hand_pose_ros.estimators.readers import USUAL_MODELS
from hand_pose_ros.pipeline.config import ModelConfig, PipelineConfig
from hand_pose_ros.pipeline.networks import engine_options
from hand_pose_ros.pipeline.settings import with_values
from hand_pose_ros.runtimes.engine_options import EngineError, EngineOptions
from hand_pose_ros.runtimes.open import find_model, open_runtime
from hand_pose_ros.runtimes.tensorrt_opening import EngineOpening, Progress, Tools, find_tools
from hand_pose_ros.runtimes.tensorrt_runtime import TensorrtRuntime


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the verb's arguments."""
    add_setting_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Builds the engine of one model, or of all that the settings use, and runs each once."""
    model = with_values(PipelineConfig(), pipeline_settings(args)).model
    try:
        tools = find_tools()
    except EngineError as error:
        raise ValueError(str(error)) from error
    options = engine_options(model)
    for each in [args.model] if args.model else models_of(model):
        started_s = time.monotonic()
        engine = open_engine(tools, find_model(each), options)
        print(f'{each}: {engine.description}, ready after {time.monotonic() - started_s:.1f} s')
        engine.close()
    print(f'engines are in {options.folder}')
    return 0


def models_of(settings: ModelConfig) -> list[str]:
    """Returns the models that a pipeline with these settings runs."""
    second_pass = settings.estimator_model or USUAL_MODELS.get(settings.estimator, '')
    models = (settings.detector, second_pass, settings.presence, settings.depth)
    return [name for name in models if name]


def open_engine(
    tools: Tools, path: Path, options: EngineOptions, graphs: bool = True
) -> TensorrtRuntime:
    """Opens a model's engine; a bar shows how far its build is.

    Args:
        tools: What is installed.
        path: The model file.
        options: How to build.
        graphs: Launch CUDA graphs.

    Raises:
        ValueError: There will be no engine, and why.
    """
    spec = open_runtime(str(path), 'onnx', 1)[0].spec
    opening = EngineOpening(tools, path, spec, options, graphs)
    # A share and seconds; how many steps there are is nobody's business.
    layout = '{desc} {percentage:3.0f}%|{bar}| {elapsed}'
    with tqdm(total=1.0, desc=path.stem, bar_format=layout) as bar:

        def show(progress: Progress) -> None:
            bar.set_description_str(f'{path.stem}: {progress.stage}', refresh=False)
            bar.n = progress.share
            bar.refresh()

        try:
            return opening.open(show)
        except EngineError as error:
            raise ValueError(f'{path.stem}: {error}') from error
        finally:
            opening.stop()
