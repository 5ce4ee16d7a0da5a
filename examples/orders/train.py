#!/usr/bin/env python3
"""Fits a classifier to rows that `m2ksql query` has written, or goes on with one on newer rows.

    train.py train.csv model.json            a new model
    train.py newer.csv model.json --update   the same model, fitted further (partial_fit)

Needs scikit-learn, and export_sklearn.py beside it: `m2ksql exporter sklearn > export_sklearn.py`.
"""
import csv
import sys

import joblib
import numpy as np
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from export_sklearn import export

FEATURES = ["orderunits", "zipcode"]


def read(path):
    with open(path, newline="") as file:
        rows = [{key.lower(): value for key, value in row.items()} for row in csv.DictReader(file)]
    values = np.array([[float(row[name]) for name in FEATURES] for row in rows])
    # In earnest the labels come from elsewhere: which orders were returned, say. Here large orders from far away were.
    labels = np.array([int(x[0] > 4 + 2 * (int(row["orderid"]) % 3 - 1) + (50_000 - x[1]) / 40_000) for row, x in zip(rows, values)])
    return values, labels


def main():
    data, target = sys.argv[1:3]
    values, labels = read(data)
    if "--update" in sys.argv:
        pipeline = joblib.load(target + ".joblib")
        scaler, classifier = (step for _, step in pipeline.steps)
    else:
        scaler, classifier = StandardScaler().fit(values), SGDClassifier(loss="log_loss", random_state=7)
        pipeline = make_pipeline(scaler, classifier)
    for _ in range(20):
        classifier.partial_fit(scaler.transform(values), labels, classes=[0, 1])
    joblib.dump(pipeline, target + ".joblib")
    scaler.feature_names_in_ = np.array(FEATURES, dtype=object)
    export(pipeline, target)


if __name__ == "__main__":
    main()
