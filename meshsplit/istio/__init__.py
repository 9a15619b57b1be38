"""The Istio sink: routes planned from the model, written as objects, checked against Istio's own rules."""
