"""Estimators after scikit-learn's conventions, in NumPy alone."""

from nst_keras.estimators.adaline import AdalineGD, AdalineSGD
from nst_keras.estimators.mlp import MultilayerPerceptron
from nst_keras.estimators.perceptron import Perceptron

__all__ = ["AdalineGD", "AdalineSGD", "MultilayerPerceptron", "Perceptron"]
