"""Turn groups of ML models into Istio traffic, and move it only on evidence."""

__version__ = "0.1.0"
