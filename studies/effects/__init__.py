"""How a model moves the risk, over all rows: SHAP by variable, as figures and pictures."""
