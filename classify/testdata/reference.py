"""Writes scikit-learn's tables, folds and fits for the tests of package classify: TABLE.csv.gz has a row of numbers and its class
a line, folds.json the indices of the rows that each of 5 folds measures, and reference.json what LogisticRegression
finds on standardised rows with every option. usage: python3 reference.py    (scikit-learn 1.2)"""
import gzip, json, os, warnings
import numpy as np
from sklearn import datasets
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

warnings.filterwarnings("ignore")
here = os.path.dirname(os.path.abspath(__file__))
names = ["iris", "wine", "breast_cancer", "digits"]
tables = {n: getattr(datasets, "load_" + n)(return_X_y=True) for n in names}
for n, (x, y) in tables.items():
    lines = "".join(",".join([*(repr(float(v)).removesuffix(".0") for v in row), str(c)]) + "\n" for row, c in zip(x, y))
    with open(f"{here}/{n}.csv.gz", "wb") as f:
        f.write(gzip.compress(lines.encode(), mtime=0))

# Weights that a test can make again: 0, 1, 2 or 3.
weights = lambda n: (np.arange(n) * 7 % 4).astype(float)

def fit(x, y, weight=None, **options):
    """the fit, its objective and what it says of the first rows"""
    s = StandardScaler().fit(x, sample_weight=weight)
    z = s.transform(x)
    smooth = options.get("penalty", "l2") in ("l2", None)
    # lbfgs has the same minimum, and stops before it.
    how = {"solver": "newton-cg", "max_iter": 200, "tol": 1e-7} if smooth else {"solver": "saga", "max_iter": 1000000, "tol": 1e-10, "random_state": 0}
    m = LogisticRegression(**how, **options)
    m.fit(z, y, sample_weight=weight)
    p = m.predict_proba(z)
    w = np.ones(len(y)) if weight is None else weight
    if m.class_weight is not None:
        w = w * (len(y) / (len(set(y)) * np.bincount(y)))[y]
    loss = -(w * np.log(p[np.arange(len(y)), y])).sum()
    rho = {"l2": 0, "l1": 1, None: 0}.get(m.penalty, m.l1_ratio)
    value = loss if m.penalty is None else m.C * loss + (1 - rho) / 2 * (m.coef_ ** 2).sum() + rho * abs(m.coef_).sum()
    return {"objective": value, "coef": m.coef_.tolist(), "intercept": m.intercept_.tolist(), "proba": p[:3].tolist()}

options = {
    "l2": {}, "l2 C=0.01": {"C": 0.01}, "l2 C=100": {"C": 100.0},
    "l1": {"penalty": "l1"}, "l1 C=0.05": {"penalty": "l1", "C": 0.05},
    "elasticnet 0.5": {"penalty": "elasticnet", "l1_ratio": 0.5}, "elasticnet 0.2 C=0.1": {"penalty": "elasticnet", "l1_ratio": 0.2, "C": 0.1},
    "balanced": {"class_weight": "balanced"},
}
out, folds = {}, {}
for n, (x, y) in tables.items():
    out[n] = {}
    for o, given in options.items():
        if n == "digits" and o not in ("l2", "l2 C=0.01", "elasticnet 0.2 C=0.1"):
            continue
        f = out[n][o] = fit(x, y, **given)
        if n == "digits":
            del f["coef"]
        print(n, o, f["objective"], flush=True)
    if n != "digits":
        out[n]["weights"] = fit(x, y, weight=weights(len(y)))
        out[n]["balanced weights"] = fit(x, y, weight=weights(len(y)), class_weight="balanced")
    k = StratifiedKFold(5, shuffle=True, random_state=0)
    net = make_pipeline(StandardScaler(), LogisticRegression(max_iter=10000, tol=1e-8))
    folds[n] = {"folds": [t.tolist() for _, t in k.split(x, y)], "accuracy": cross_val_score(net, x, y, cv=k).tolist(),
                "log_loss": (-cross_val_score(net, x, y, cv=k, scoring="neg_log_loss")).tolist()}
json.dump(folds, open(f"{here}/folds.json", "w"))
json.dump(out, open(f"{here}/reference.json", "w"), indent=0)
