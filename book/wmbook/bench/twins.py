"""What each compiled twin is worth: its plain form, and well-kept runtimes where there are any, measured in turn.

``python -m wmbook.bench.twins`` writes ``book/results/twins.json``; ``twins_avx2.json`` is such a
file of an older processor. onnxruntime, openvino and onnx are measured where they are installed (`pip install onnx
onnxruntime openvino`); nothing else of the project needs them.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from wmbook.records.records import find_root
from wmlib.runs import processor, quiet, write_json
from wmlib.stages.agents import shipped_agent

FRAMES = 48
ROUNDS = 15


def best(contenders: dict[str, Callable], rounds: int = ROUNDS) -> dict[str, float]:
    """Seconds of the fastest of some rounds, every contender once in each."""
    seconds = dict.fromkeys(contenders, float("inf"))
    for _ in range(rounds + 1):  # the first warms up
        for name, run in contenders.items():
            began = time.perf_counter()
            run()
            seconds[name] = min(seconds[name], time.perf_counter() - began)
    return seconds


def encoders(weights: dict[str, np.ndarray], frames: np.ndarray) -> dict[str, Callable]:
    """Our encoders, Keras', and those of the runtimes that are installed, in float32 and int8."""
    from wmlib.models.inference import FrameEncoder
    from wmlib.models.vae import build_encoder
    from wmlib.models.weights import set_model_weights

    keras_encoder = build_encoder()
    set_model_weights(keras_encoder, weights)
    ours, bytes_ = FrameEncoder(weights, "float32"), FrameEncoder(weights, "int8")
    found = {"ours float32": lambda: ours(frames), "ours int8": lambda: bytes_(frames)}
    found["keras float32"] = lambda: keras_encoder.predict_on_batch(frames / np.float32(255))
    try:
        import onnxruntime
        import openvino
        from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    except ImportError:
        return found
    folder = Path(tempfile.mkdtemp())
    plain, whole = folder / "plain.onnx", folder / "whole.onnx"
    plain.write_bytes(onnx_encoder(weights))

    class Reader(CalibrationDataReader):
        def __init__(self):
            self.batches = iter([{"frames": _channels_first(frames)}])

        def get_next(self):
            return next(self.batches, None)

    types = {"activation_type": QuantType.QUInt8, "weight_type": QuantType.QInt8, "per_channel": True}
    quantize_static(plain, whole, Reader(), quant_format=QuantFormat.QDQ, **types)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    core = openvino.Core()
    for name, file in (("float32", plain), ("int8", whole)):
        session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        model = core.compile_model(str(file), "CPU", {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"})
        found[f"onnxruntime {name}"] = lambda session=session: session.run(None, {"frames": _channels_first(frames)})
        found[f"openvino {name}"] = lambda model=model: model([_channels_first(frames)])
    mu = ours(frames)[0]
    for name in ("onnxruntime float32", "openvino float32"):
        theirs = list(found[name]().values())[0] if name.startswith("openvino") else found[name]()[0]
        np.testing.assert_allclose(theirs[:, :32], mu, atol=1e-3)
    return found


def _channels_first(frames: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(frames.transpose(0, 3, 1, 2)).astype(np.float32) / np.float32(255)


def onnx_encoder(weights: dict[str, np.ndarray]) -> bytes:
    """V's encoder as an ONNX model: frames (n, 3, 64, 64) to codes (n, 64)."""
    from onnx import TensorProto, helper, numpy_helper

    nodes, arrays, x = [], [], "frames"
    for number in range(1, 5):
        kernel = np.ascontiguousarray(weights[f"conv{number}/kernel"].transpose(3, 2, 0, 1))
        arrays += [numpy_helper.from_array(kernel, f"k{number}")]
        arrays += [numpy_helper.from_array(weights[f"conv{number}/bias"], f"b{number}")]
        nodes.append(helper.make_node("Conv", [x, f"k{number}", f"b{number}"], [f"c{number}"], strides=[2, 2]))
        nodes.append(helper.make_node("Relu", [f"c{number}"], [f"r{number}"]))
        x = f"r{number}"
    pairs = ([weights[f"{head}/{part}"] for head in ("mu", "log_variance")] for part in ("kernel", "bias"))
    heads = [np.concatenate(pair, -1) for pair in pairs]
    kernel = heads[0].reshape(2, 2, 256, -1).transpose(2, 0, 1, 3).reshape(1024, -1)  # flattened channels first
    arrays += [numpy_helper.from_array(np.ascontiguousarray(kernel), "k5"), numpy_helper.from_array(heads[1], "b5")]
    nodes.append(helper.make_node("Flatten", [x], ["flat"]))
    nodes.append(helper.make_node("Gemm", ["flat", "k5", "b5"], ["code"]))
    frames = helper.make_tensor_value_info("frames", TensorProto.FLOAT, ["n", 3, 64, 64])
    code = helper.make_tensor_value_info("code", TensorProto.FLOAT, ["n", 64])
    graph = helper.make_graph(nodes, "encoder", [frames], [code], arrays)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return model.SerializeToString()


def updates() -> dict[str, tuple[Callable, Callable]]:
    """Twin -> (plain, fast) update of V or M."""
    import keras

    from wmlib.kernels import convolution
    from wmlib.models import mdnrnn, vae

    frames, random = vae.random_frames(100), np.random.default_rng(0)

    def v(fast: tuple[str, ...]) -> Callable:
        """An update of V with some of the convolutions fast."""
        kept = {name: getattr(convolution, name) for name in ("FourPatches", "PixelToPatch", "ToImage")}
        plain = {"FourPatches": keras.layers.Conv2D, "PixelToPatch": keras.layers.Conv2DTranspose}
        plain["ToImage"] = keras.layers.Conv2DTranspose
        for name in kept:
            if name not in fast:
                setattr(convolution, name, plain[name])
        model = vae.VAE()
        for name, kind in kept.items():
            setattr(convolution, name, kind)
        model.compile(keras.optimizers.Adam(1e-4))
        return lambda: model.train_on_batch(frames)

    def m(fast: bool) -> Callable:
        model = mdnrnn.MDNRNN()
        model = mdnrnn.faster(model) if fast else model
        model.compile(keras.optimizers.Adam(1e-4, clipvalue=1.0))
        normal = {name: random.normal(size=(64, 101, 32)).astype(np.float32) for name in ("mu", "log_variance")}
        none = np.zeros((64, 100), np.float32)
        batch = normal | {"action": np.zeros((64, 100, 3), np.float32), "reward": none, "done": none}
        return lambda: model.train_on_batch(batch)

    every = ("FourPatches", "PixelToPatch", "ToImage")
    return {"vision": (v(()), v(every)), "memory": (m(False), m(True))}


def layers() -> dict[str, tuple[Callable, Callable]]:
    """Twin -> (plain, fast) of one layer, forward and backward, where V uses it."""
    import keras
    import tensorflow as tf

    from wmlib.kernels.convolution import FourPatches, PixelToPatch, ToImage

    cases = {
        "FourPatches": (keras.layers.Conv2D, FourPatches, (6, 6, 128), 256, 4),
        "PixelToPatch": (keras.layers.Conv2DTranspose, PixelToPatch, (1, 1, 1024), 128, 5),
        "ToImage": (keras.layers.Conv2DTranspose, ToImage, (30, 30, 32), 3, 6),
    }
    found = {}
    for name, (plain, fast, shape, filters, size) in cases.items():
        x = tf.random.normal((100, *shape), seed=0)
        pair = []
        for kind in (plain, fast):
            layer = kind(filters, size, 2)
            layer(x)

            @tf.function(jit_compile=False)
            def both(layer=layer, x=x):
                with tf.GradientTape() as tape:
                    tape.watch(x)
                    y = tf.reduce_sum(tf.square(layer(x)))
                return tape.gradient(y, [x, *layer.trainable_variables])

            pair.append(lambda both=both: [part.numpy() for part in both()])
        found[name] = tuple(pair)
    return found


def measure() -> dict:
    """Everything the record holds: gains as ratios of the fastest rounds, measured side by side."""
    from wmlib.models.vae import random_frames
    from wmlib.models.weights import load_weights

    agent, cores = shipped_agent("vae-zh"), os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})  # an encoder has one core: the workers are the parallelism
    seconds = best(encoders(load_weights(agent.path("encoder")), random_frames(FRAMES)))
    os.sched_setaffinity(0, cores)
    record = {"frames": FRAMES, "encoder": {}, "update": {}, "layer": {}}
    record |= {"processor": processor()["model"], "load_before": round(os.getloadavg()[0], 1)}
    for name, value in seconds.items():
        ours = seconds["ours int8" if name.endswith("int8") else "ours float32"]
        figures = {"images_per_second": round(FRAMES / value), "times_ours": round(value / ours, 2)}
        record["encoder"][name.replace(" ", "_")] = figures
    for kind, found in (("layer", layers()), ("update", updates())):
        for name, (plain, fast) in found.items():
            each = best({"plain": plain, "fast": fast}, 8)
            record[kind][name] = round(each["plain"] / each["fast"], 2)
    return record


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with quiet():
        import tensorflow  # noqa: F401
    record = measure()
    write_json(find_root() / "book" / "results" / "twins.json", record)
    print(record)
