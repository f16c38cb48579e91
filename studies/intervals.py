"""Confidence intervals for a candidate's accuracy from a few trained models and a finite number of images.

Seeds and images are crossed: each of S models, which differ only in their seed, classifies the same N images. Whether
model s is right about image i is decomposed into p + a_s + b_i + e_si, random effects of the seed, of the image and
of the two together. The overall mean has the variance

    var(a) / S + var(b) / N + var(e) / (S N)  =  (MS_a + MS_b - MS_e) / (S N)

from the analysis of variance of a two-way crossed classification with one observation per cell (Searle, Casella and
McCulloch, Variance Components, 1992, chapter 4), with Satterthwaite's degrees of freedom (Biometrics Bulletin 2, 1946).
A formula that treats the variation of seeds and images as independent, s^2/S + p(1-p)/N, counts the images twice.

Near 1 an accuracy's distribution is skewed, so the interval is Wilson's (JASA 22, 1927) for the number of independent
images that gives the same variance, with Student's t in place of the normal quantile.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Correct = NDArray[np.bool_] | NDArray[np.float64]
"""(S, N): whether the model of each seed classifies each image correctly; for a variance also weighted numbers."""

NUM_DRAWS = 20_000


def effective_images(class_sizes: Sequence[int], *, is_balanced: bool) -> int:
    """Return the number of images whose accuracy would vary as much as the metric of a study does.

    For accuracy, that is the number of images, of which ``class_sizes`` has those of each class. Balanced accuracy is
    the mean of the accuracies on C classes. If each of these is p, its variance is p(1-p) times the sum of 1/n, by C^2.
    """
    sizes = [size for size in class_sizes if size > 0]
    return round(len(sizes) ** 2 / sum(1 / size for size in sizes)) if is_balanced else sum(sizes)


@dataclass(frozen=True, slots=True)
class MeasuredAccuracy:
    """An accuracy, as a fraction, and how precisely it is known."""

    mean: float
    effective_images: float
    """Number of independent images, each classified once, whose mean would have the same variance."""
    degrees_of_freedom: float

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Return the lower and the upper end of the confidence interval."""
        from scipy.special import stdtrit  # slow to import, and a running search does not need it

        square = float(stdtrit(self.degrees_of_freedom, (1 + confidence) / 2)) ** 2 / self.effective_images
        centre = (self.mean + square / 2) / (1 + square)
        half = math.sqrt(self.mean * (1 - self.mean) * square + square**2 / 4) / (1 + square)
        return max(0.0, centre - half), min(1.0, centre + half)

    def confidence_of(self, target: float) -> float:
        """Return the confidence that the accuracy is at least ``target``."""
        from scipy.special import stdtr

        if not 0 < target < 1:
            return float(target <= 0)
        error = math.sqrt(target * (1 - target) / self.effective_images)
        return float(stdtr(self.degrees_of_freedom, (self.mean - target) / error))


def measure(correct: Correct) -> MeasuredAccuracy:
    """Estimate the accuracy from at least two models and at least two images."""
    num_seeds, num_images = correct.shape
    mean = float(correct.mean())
    if mean in (0.0, 1.0):  # nothing varies: as precise as one model on as many independent images
        return MeasuredAccuracy(mean, num_images, num_images - 1)
    seed_square, image_square, rest_square = mean_squares(correct)
    if seed_square <= rest_square:  # the seeds differ by no more than chance
        variance, degrees = image_square, float(num_images - 1)
    else:
        variance = seed_square + image_square - rest_square
        degrees = variance**2 / (
            seed_square**2 / (num_seeds - 1)
            + image_square**2 / (num_images - 1)
            + rest_square**2 / ((num_seeds - 1) * (num_images - 1))
        )
    return MeasuredAccuracy(mean, mean * (1 - mean) * num_seeds * num_images / variance, degrees)


def mean_squares(correct: Correct) -> tuple[float, float, float]:
    """Return the mean squares of seeds, of images and of the residual."""
    num_seeds, num_images = correct.shape
    mean = correct.mean()
    seeds = num_images * float(np.square(correct.mean(axis=1) - mean).sum())
    images = num_seeds * float(np.square(correct.mean(axis=0) - mean).sum())
    is_bits = correct.dtype == np.bool_  # zeros and ones have a total of p(1-p) each
    total = float(mean * (1 - mean)) * correct.size if is_bits else float(np.square(correct - mean).sum())
    rest = total - seeds - images
    return (
        seeds / (num_seeds - 1),
        images / (num_images - 1),
        max(0.0, rest / ((num_seeds - 1) * (num_images - 1))),
    )


def seed_variance(correct: Correct) -> float:
    """Estimate the variance over seeds of one model's accuracy, without chance effects of images; may be below 0."""
    seed_square, _, rest_square = mean_squares(correct)
    return (seed_square - rest_square) / int(correct.shape[1])


def image_covariance(points: Sequence[Correct]) -> NDArray[np.float64]:
    """Return the covariance (K, K) of K candidates' mean accuracies over sets of images like these, shared by all."""
    means = np.stack([correct.mean(axis=0) for correct in points])
    covariance: NDArray[np.float64] = np.atleast_2d(np.cov(means)) / means.shape[1]
    return covariance


def front_probabilities(num_params: Sequence[int], points: Sequence[Correct]) -> list[float]:
    """Estimate the probability that each candidate is on the Pareto front of all given candidates.

    The accuracies are drawn jointly, and the shares of draws are counted: normal over the images, which all candidates
    share, and Student's t over each candidate's own seeds.
    """
    generator = np.random.default_rng(0)
    means = np.array([correct.mean() for correct in points])
    drawn = generator.multivariate_normal(means, image_covariance(points), NUM_DRAWS, method="eigh")
    for column, correct in enumerate(points):
        error = math.sqrt(max(0.0, seed_variance(correct)) / len(correct))
        drawn[:, column] += error * generator.standard_t(len(correct) - 1, NUM_DRAWS)
    sizes = np.array(num_params)
    probabilities = []
    for column, size in enumerate(sizes):
        rivals = sizes <= size
        rivals[column] = False
        best = drawn[:, rivals].max(axis=1, initial=0.0)
        probabilities.append(float((drawn[:, column] >= best).mean()))
    return probabilities
