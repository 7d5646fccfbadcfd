"""How much of a picture is copied from a painting instead of painted in its manner.

Manner is in small pieces, in new places. Where neighbours in the picture are most like neighbours in the
painting, place after place, a thing was taken over whole: there the field of shifts to nearest neighbours
(Barnes et al. 2009) is coherent.
"""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def copied_share(features: np.ndarray, painting: np.ndarray, *, piece: int) -> float:
    """Share of a picture's positions that lie in copied pieces: 1 for the painting itself or a part of it.

    Similar is what has the least angle between features from which the painting's mean is taken.

    Args:
        features: The picture's, [height, width, channels], of a layer that sees a thing, as relu4_1.
        painting: The painting's, [h, w, channels].
        piece: Least places in the painting of a connected piece, whose shifts change by up to 1 a step.
    """
    height, width, channels = features.shape
    mean = painting.mean((0, 1))
    ours, theirs = (_directions((values - mean).reshape(-1, channels)) for values in (features, painting))
    nearest = np.argmax(ours @ theirs.T, axis=1).reshape(height, width)
    places = np.stack(np.divmod(nearest, painting.shape[1]), -1)
    shifts = places - np.moveaxis(np.indices((height, width)), 0, -1)
    numbers = np.arange(height * width).reshape(height, width)
    edges = [np.zeros([2, 0], int)]
    for axis in (0, 1):
        first, second = (np.delete(np.arange(shifts.shape[axis]), end) for end in (-1, 0))
        apart = np.abs(shifts.take(first, axis) - shifts.take(second, axis)).max(-1)
        pairs = np.stack([numbers.take(first, axis), numbers.take(second, axis)])
        edges.append(pairs[:, apart <= 1])
    starts, ends = np.concatenate(edges, 1)
    graph = coo_array((np.ones(len(starts)), (starts, ends)), shape=(height * width,) * 2)
    _, labels = connected_components(graph, directed=False)
    # Of how many places of the painting a piece is: a flat sky's are all one.
    origins = np.unique(np.stack([labels, nearest.ravel()]), axis=1)[0]
    return float((np.bincount(origins)[labels] >= piece).mean())


def _directions(vectors: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.maximum(norms, 1e-12)
