"""A script for MLServer's own Python: train a classifier of irises and write it to the file that is named."""

import sys

import joblib
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

irises = load_iris()
# So many iterations that it converges; the default, 100, does not.
joblib.dump(LogisticRegression(max_iter=1000).fit(irises.data, irises.target), sys.argv[1])
