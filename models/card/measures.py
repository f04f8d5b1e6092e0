"""Names what a validation measures, and what each figure means, in words for people."""

MEASURES = {
    "auroc": (
        "AUROC",
        "chance that whoever has the outcome has the higher risk; 0.5 is guessing, 1 perfect",
    ),
    "auprc": ("AUPRC", "average precision; guessing gives the prevalence"),
    "prevalence": ("prevalence", "share with the outcome"),
    "brier": ("Brier score", "mean squared error of the risk; lower is better"),
    "brier_scaled": ("scaled Brier score", "1 is perfect, 0 is no better than the prevalence"),
    "observed_expected": ("observed to expected", "ideal 1; above 1 the risks are too low"),
    "calibration_intercept": ("calibration intercept", "ideal 0"),
    "calibration_slope": ("calibration slope", "ideal 1; below 1 is over-confident"),
    "ici": (
        "calibration error (ICI)",
        "mean distance between risk and observed share; lower is better",
    ),
    "e50": ("calibration error, median", ""),
    "e90": ("calibration error, 90th centile", ""),
    "emax": ("calibration error, largest", ""),
    "sensitivity": ("sensitivity", "share of those with the outcome who are found"),
    "specificity": ("specificity", "share of those without it who are left in peace"),
    "ppv": ("positive predictive value", "share of alarms that are right"),
    "npv": ("negative predictive value", "share of silences that are right"),
    "nne": ("work-up to detection", "patients to look at for each one found"),
    "threshold": ("threshold", "risk at which it is reached"),
    "alerts_per_100_patient_days": (
        "alerts per 100 patient-days",
        "after 12 h of silence for each patient",
    ),
    "ever_alerted": ("ever alerted", "share of stays with an alert"),
    "equal_alert_sensitivity": (
        "sensitivity at an equal alert rate",
        "where as large a share of the group's rows is alerted as of all rows at medium",
    ),
    "equal_alert_gap": (
        "gap at an equal alert rate",
        "sensitivity of all rows less that of the group; above 0 it finds fewer in the group",
    ),
    "utility": ("official utility", "of the 2019 challenge; 1 is best, 0 is never to alarm"),
}
POINTS = {
    "medium": "medium and high band", "high": "high band", "news2_5": "NEWS2 of 5 or more",
    "news2_7": "NEWS2 of 7 or more", "qsofa_2": "qSOFA of 2 or more",
    "sirs_2": "SIRS of 2 or more", "news2": "NEWS2 on the same rows",
    "qsofa": "qSOFA on the same rows", "sirs": "SIRS on the same rows",
    "at_news2_5_sensitivity": "the model where it is as sensitive as NEWS2 of 5",
    "at_news2_7_specificity": "the model where it is as specific as NEWS2 of 7",
}  # fmt: skip
MINUS = {"auroc_minus_news2": "NEWS2", "auroc_minus_qsofa": "qSOFA", "auroc_minus_sirs": "SIRS"}


def words(name: str) -> tuple[str, str]:
    """Return the label of a figure's name, and what it means; empty where that is plain."""
    if name in MEASURES:
        return MEASURES[name]
    if name in MINUS:
        return f"AUROC above that of {MINUS[name]}", "above 0 the model orders patients better"
    for point, words in POINTS.items():
        if (measure := name.removeprefix(f"{point}_")) in MEASURES and measure != name:
            return f"{MEASURES[measure][0]}, {words}", MEASURES[measure][1]
    return name.replace("_", " "), ""
