#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Draws which keys every query sees, of 400 random scores with a burst of high ones.

usage: examples/selection_picture.py FILE.png      (docs/images/selection.png is made so)
"""

import sys

import matplotlib

matplotlib.use("Agg")

import numpy as np

import sparsek.plot

scores = np.random.default_rng(0).standard_normal(400, dtype=np.float32)
scores[200:216] += 2
axes = sparsek.plot.selection(scores, topk=32, window=40)
axes.figure.savefig(sys.argv[1], dpi=100, bbox_inches="tight")
