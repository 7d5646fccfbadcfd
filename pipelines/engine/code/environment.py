"""What a process computes with, as far as it changes numbers: variables, Keras' own config, device kinds.

Nothing heavy is loaded for it: device kinds come from what the system says of them. Numbers of threads and
cores aren't part of it, nor is what a driver's version changes.
"""

import functools
import json
import os
import platform
from pathlib import Path

# TensorFlow's, oneDNN's, XLA's and NVIDIA's switches of kernels, precision and determinism.
VARIABLES = (
    "CUBLAS_WORKSPACE_CONFIG",
    "KERAS_BACKEND",
    "NVIDIA_TF32_OVERRIDE",
    "ONEDNN_DEFAULT_FPMATH_MODE",
    "ONEDNN_MAX_CPU_ISA",
    "TF_CUDNN_DETERMINISTIC",
    "TF_CUDNN_USE_AUTOTUNE",
    "TF_DETERMINISTIC_OPS",
    "TF_ENABLE_ONEDNN_OPTS",
    "TF_XLA_FLAGS",
    "XLA_FLAGS",
)
# Keras' config, and its values if nothing is set: it writes those down when it is first imported.
_KERAS = {
    "backend": "tensorflow",
    "dtype_policy": "float32",
    "epsilon": 1e-7,
    "floatx": "float32",
    "image_data_format": "channels_last",
}
# By these oneDNN and Eigen choose their kernels, whatever the processor is called.
_INSTRUCTIONS = {
    "fma",
    "avx2",
    "avx_vnni",
    "avx512f",
    "avx512_vnni",
    "avx512_bf16",
    "avx512_fp16",
    "amx_bf16",
}
_INSTRUCTIONS |= {"asimd", "sve", "bf16"}
_CPUS, _GPUS = Path("/proc/cpuinfo"), Path("/proc/driver/nvidia/gpus")


def read_environment() -> dict[str, str]:
    """All of it that is set, by name."""
    return {**read_switches(), "cpu": _cpu(), "gpu": _gpus()}


def read_switches() -> dict[str, str]:
    """What somebody has set, without the hardware."""
    return {name: os.environ[name] for name in VARIABLES if os.environ.get(name)} | _keras_config()


def _keras_config() -> dict[str, str]:
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    try:
        config = json.loads((home / "keras.json").read_text())
        found = {name: config.get(name, default) for name, default in _KERAS.items()}
        return {f"keras.{name}": str(value) for name, value in found.items() if value != _KERAS[name]}
    except (OSError, ValueError, TypeError):
        return {}


@functools.cache
def _cpu() -> str:
    """Architecture and instruction sets."""
    flags: set[str] = set()
    try:
        with _CPUS.open() as file:
            for line in file:
                if line.lower().startswith(("flags", "features")):
                    flags = set(line.split()) & _INSTRUCTIONS
                    break
    except OSError:
        pass
    return " ".join([platform.machine(), *sorted(flags)])


def _gpus() -> str:
    """Models of the GPUs that this process may use, each once; empty for none."""
    if os.environ.get("CUDA_VISIBLE_DEVICES", "all") in ("", "-1"):
        return ""
    models = set()
    for path in sorted(_GPUS.glob("*/information")):
        for line in path.read_text(errors="replace").splitlines():
            if line.startswith("Model:"):
                models.add(line.partition(":")[2].strip())
    return ", ".join(sorted(models))
