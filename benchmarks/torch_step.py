"""PyTorch's side of stylize_step.py: the same loss and gradient. Needs torch and numpy alone."""

import argparse
import json
import os

import numpy as np
import torch
import torch.nn.functional as F
from stylize_step import CONTENT_LAYER, STYLE_LAYERS, measure, pictures

DEPTHS = (2, 2, 4, 4, 1)  # convolutions of each block, up to conv5_1
MEAN_PIXEL = (123.68, 116.779, 103.939)


def to_torch(image: np.ndarray) -> torch.Tensor:
    """[H, W, 3] to [1, 3, H, W] in the memory format that is fastest on CPUs."""
    ready = torch.from_numpy((image - np.float32(MEAN_PIXEL)).transpose(2, 0, 1)[None].copy())
    return ready.contiguous(memory_format=torch.channels_last)


def features(image: torch.Tensor, layers: dict[str, tuple]) -> dict[str, torch.Tensor]:
    """ReLU outputs of VGG-19 by name."""
    outputs = {}
    for block, depth in enumerate(DEPTHS, start=1):
        for conv in range(1, depth + 1):
            image = F.relu(F.conv2d(image, *layers[f"conv{block}_{conv}"], padding=1))
            outputs[f"relu{block}_{conv}"] = image
        if block < len(DEPTHS):
            image = F.max_pool2d(image, 2)
    return outputs


def gram(values: torch.Tensor) -> torch.Tensor:
    """As nst_keras.losses.moments.gram_matrix."""
    flat = values.permute(0, 2, 3, 1).reshape(-1, values.shape[1])
    return flat.T @ flat / flat.numel()


def main() -> None:
    """Measures one size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--runs", type=int, required=True)
    flags = parser.parse_args()
    torch.set_num_threads(os.cpu_count() or 1)
    archive = np.load(flags.weights)
    layers = {}
    for name in sorted({key.rpartition("_")[0] for key in archive.files}):
        kernel = torch.from_numpy(archive[f"{name}_kernel"].transpose(3, 2, 0, 1).copy())
        layers[name] = (
            kernel.contiguous(memory_format=torch.channels_last),
            torch.from_numpy(archive[f"{name}_bias"]),
        )
    content, style = pictures(flags.size)
    with torch.no_grad():
        target = features(to_torch(content), layers)[CONTENT_LAYER]
        style_features = features(to_torch(style), layers)
        grams = {name: gram(style_features[name]) for name in STYLE_LAYERS}
        del style_features
    image = to_torch(content[::-1].copy()).requires_grad_()

    def evaluate() -> float:
        values = features(image, layers)
        loss = F.mse_loss(values[CONTENT_LAYER], target)
        for name in STYLE_LAYERS:
            loss = loss + F.mse_loss(gram(values[name]), grams[name])
        torch.autograd.grad(loss, image)
        return float(loss.detach())

    print(json.dumps(measure(evaluate, flags.runs)))


if __name__ == "__main__":
    main()
