"""A stand-in for the package of this name: boosting by scikit-learn, with the same calls."""

from sklearn.ensemble import GradientBoostingRegressor


class DMatrix:
    def __init__(self, data, label=None):
        self.data, self.label = data, label


class Booster:
    def __init__(self, model):
        self.model = model

    def predict(self, matrix):
        return self.model.predict(matrix.data)


def train(params, dtrain, num_boost_round, evals=(), early_stopping_rounds=None):
    model = GradientBoostingRegressor(
        n_estimators=num_boost_round,
        learning_rate=params["learning_rate"],
        max_depth=params["max_depth"],
        random_state=params["seed"],
    )
    for number, name in enumerate(evals):
        print(f"[{number}] {name[1]}")
    return Booster(model.fit(dtrain.data, dtrain.label))
