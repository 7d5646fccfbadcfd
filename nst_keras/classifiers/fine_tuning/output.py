"""What a re-training leaves at its end: model, SavedModel, and a report that shows where it looked."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
from scipy.special import softmax

from nst_keras.classifiers.calibration import accuracy_interval, calibration_error, fit_temperature
from nst_keras.classifiers.fine_tuning.settings import FineTuningSettings
from nst_keras.classifiers.loop import Learned
from nst_keras.classifiers.output import describe_training, save_model
from nst_keras.classifiers.plan import MODEL, SAVED_MODEL
from nst_keras.classifiers.report import Predictions, write_report
from nst_keras.classifiers.served import export_classifier
from nst_keras.classifiers.trainer import cross_entropy
from nst_keras.data.checks import DatasetChecks
from nst_keras.data.image_dataset import ImageDataset
from nst_keras.reports.grad_cam import draw_grad_cam, grad_cam
from nst_keras.reports.look import encode_png
from nst_keras.storage.folders import replacing_folder
from nst_keras.weights.pretrained import Base

_SHOWN = 12  # pictures with a heat map


@dataclass(frozen=True)
class FineTuned:
    """A re-trained network, its parts up to the feature vector and behind it, and what it came from."""

    model: keras.Model
    features: keras.Model
    head: keras.Model
    base: Base
    dataset: ImageDataset
    checks: DatasetChecks


def write_fine_tuned(
    result: FineTuned,
    folder: Path,
    learned: Learned,
    answers: Mapping[str, tuple[np.ndarray, np.ndarray]],
    found: Mapping[str, float],
    settings: FineTuningSettings,
    *,
    saved_model: bool,
) -> dict[str, float]:
    """Calibrates the network, writes it with its report, and returns all metrics.

    `answers` are logits [n, classes] and labels [n] of "validation" and "test"; `found` are other metrics.
    """
    temperature = fit_temperature(*answers["validation"])
    logits, labels = answers["test"]
    metrics = {**_measure(logits, labels, temperature), **found}
    save_model(result.model, folder / MODEL)
    if saved_model:
        with replacing_folder(folder / SAVED_MODEL) as exported:
            export_classifier(
                result.model,
                exported,
                class_names=result.dataset.class_names,
                image_size=result.dataset.image_shape[:2],
                temperature=temperature,
                card={"model": result.base.name, "dataset": result.dataset.name, "metrics": metrics},
            )
    weights = [np.asarray(variable) for variable in result.model.weights]
    record = describe_training(
        result.base.name,
        settings.to_dict(),
        result.dataset,
        result.checks,
        result.model,
        replace(learned, best=weights),
        metrics,
    )
    record["fingerprints"] |= {"base": result.base.digest}
    images = result.dataset.splits["test"].arrays()[0]
    predictions = Predictions(images, labels, softmax(logits / temperature, axis=1))
    names = result.dataset.class_names
    more = {"grad_cam.png": _heat_maps(result, predictions)}
    write_report(folder, record, learned.history, predictions, names, more=more)
    return metrics


def _measure(logits: np.ndarray, labels: np.ndarray, temperature: float) -> dict[str, float]:
    right = int(np.sum(logits.argmax(axis=1) == labels))
    low, high = accuracy_interval(right, len(labels))
    return {
        "test_accuracy": right / len(labels),
        "test_accuracy_low": low,
        "test_accuracy_high": high,
        "test_loss": cross_entropy(logits / temperature, labels),
        "temperature": temperature,
        "calibration_error": calibration_error(logits, labels, temperature),
        "calibration_error_before": calibration_error(logits, labels),
    }


def _heat_maps(result: FineTuned, predictions: Predictions) -> tuple[str, str, bytes]:
    """A few right answers and a few wrong ones, with what spoke for them."""
    answers, names = predictions.probabilities.argmax(axis=1), result.dataset.class_names
    wrong = np.flatnonzero(answers != predictions.labels)[: _SHOWN // 2]
    right = np.flatnonzero(answers == predictions.labels)[: _SHOWN - len(wrong)]
    shown = np.concatenate([right, wrong])
    images = predictions.images[shown]
    heat = grad_cam(result.features, result.head, images, answers[shown])
    titles = [
        names[answer] if answer == label else f"{names[label]} → {names[answer]}"
        for answer, label in zip(answers[shown], predictions.labels[shown], strict=True)
    ]
    text = "In full colour, and framed, is what spoke for the answer (Grad-CAM); mistakes come last."
    return "Where the network looked", text, encode_png(draw_grad_cam(images, heat, titles))
