"""Writes what the tests of package classify compare standard errors, cross-validation and importance with: inference.json.
Standard errors are those of the inverse Hessian at the minimum, which Newton's method finds, as statsmodels' Logit and
MNLogit have them. usage: python3 inference.py    (scikit-learn 1.2, numpy, scipy)"""
import json, os, warnings
import numpy as np
from scipy.stats import norm
from sklearn import datasets
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

warnings.filterwarnings("ignore")
here = os.path.dirname(os.path.abspath(__file__))
weights = lambda n: (np.arange(n) * 7 % 4).astype(float)

def newton(x, y, w):
    """coefficients of all classes but the first, against the first, intercept before the others, and their covariance"""
    n, k = len(y), y.max()
    z = np.hstack([np.ones((n, 1)), x])
    b = np.zeros((k, z.shape[1]))
    for _ in range(100):
        e = np.exp(np.hstack([np.zeros((n, 1)), z @ b.T])); p = e / e.sum(1, keepdims=True)
        g = ((p[:, 1:] - (y[:, None] == np.arange(1, k + 1))) * w[:, None]).T @ z
        h = np.block([[(z * (w * p[:, 1 + i] * ((i == j) - p[:, 1 + j]))[:, None]).T @ z for j in range(k)] for i in range(k)])
        b -= np.linalg.solve(h, g.ravel()).reshape(b.shape)
    assert abs(g).max() < 1e-8
    return b, np.linalg.inv(h)

def table(x, y, w):
    b, cov = newton(x, y, w)
    se = np.sqrt(np.diag(cov)).reshape(b.shape)
    z = b / se
    return {"coef": b.tolist(), "error": se.tolist(), "z": z.tolist(), "p": (2 * norm.sf(abs(z))).tolist(),
            "low": np.exp(b - norm.ppf(.975) * se).tolist(), "high": np.exp(b + norm.ppf(.975) * se).tolist()}

out = {"errors": {}}
for name, columns in (("breast_cancer", [0, 4, 8]), ("wine", [1, 2, 4])):
    x, y = getattr(datasets, "load_" + name)(return_X_y=True)
    x = x[:, columns]
    for title, w in (("", np.ones(len(y))), (" weights", weights(len(y)))):
        out["errors"][name + title] = {"columns": columns, **table(x, y, w)}

# scikit-learn's LogisticRegressionCV on the folds of folds.json, of rows that are standardised before.
out["path"] = {}
folds = json.load(open(f"{here}/folds.json"))
for name in ("iris", "wine", "breast_cancer"):
    x, y = getattr(datasets, "load_" + name)(return_X_y=True)
    z = StandardScaler().fit_transform(x)
    test = folds[name]["folds"]
    cv = [(np.setdiff1d(np.arange(len(y)), t), np.array(t)) for t in test]
    Cs = np.logspace(-3, 2, 6)
    found = {}
    for score in ("neg_log_loss", "accuracy"):
        m = LogisticRegressionCV(Cs=Cs, cv=cv, scoring=score, solver="newton-cg", tol=1e-8, max_iter=1000, multi_class="multinomial" if y.max() > 1 else "auto").fit(z, y)
        found[score] = next(iter(m.scores_.values()))
    mean = -found["neg_log_loss"].mean(0)
    best = int(mean.argmin())
    se = found["neg_log_loss"][:, best].std(ddof=1) / np.sqrt(len(test))
    out["path"][name] = {"C": Cs.tolist(), "loss": (-found["neg_log_loss"].T).tolist(), "accuracy": found["accuracy"].T.tolist(),
                         "best": best, "simplest": int(np.argmax(mean <= mean[best] + se))}

x, y = datasets.load_wine(return_X_y=True)
m = make_pipeline(StandardScaler(), LogisticRegression()).fit(x, y)
i = permutation_importance(m, x, y, n_repeats=3000, random_state=0)
out["importance"] = {"mean": i.importances_mean.tolist(), "deviation": i.importances_std.tolist()}
json.dump(out, open(f"{here}/inference.json", "w"), indent=0)
