"""What is said of thresholds between two classes."""

from jobs.language.template import Template

SENTENCES: dict[str, Template] = {
    "threshold_not_offered": "Workflow {workflow:d} has no threshold to move.",
    "threshold_needs_two_classes": (
        "Workflow {workflow:d} does not tell two classes apart, so it has no threshold to move."
    ),
    "threshold_not_measured": (
        "Workflow {workflow:d} is of a release that did not measure thresholds. Run it again from the step {step}: the "
        "model is reused, and the new workflow has a threshold."
    ),
    "threshold_not_given": "Give a threshold, or what a false alarm costs and what a found row gains.",
    "threshold_out_of_range": "A threshold is a chance above 0 and below 1, such as 0.3, not {given}.",
    "threshold_costs_incomplete": "Give both: what a false alarm costs and what a found row gains.",
    "threshold_costs_negative": "Costs and gains are 0 or more, and not both 0.",
    "threshold_of_no_class": "{label} is not one of two classes that workflow {workflow:d} predicts.",
    "threshold_moved": 'These numbers are those of {usual:.4g} %; "{label}" is now predicted from {percent:.4g} % on.',
    "threshold_score_moved": (
        'These numbers are those of the score {usual:.4g}; "{label}" is now predicted from {score:.4g} on.'
    ),
    "report_still_usual": (
        "Scores, confusion and classes below are those of this threshold. Spreads of folds, importance and the curves "
        "of training are those of {usual:.4g} %."
    ),
    "report_still_usual_score": (
        "Scores, confusion and classes below are those of this threshold. Spreads of folds, importance and the curves "
        "of training are those of the score {usual:.4g}."
    ),
    "threshold_set": "Set {ago}.",
    "threshold_set_by": "Set by {name}, {ago}.",
    "predict_from_chance": '"{label}" is predicted from a chance of {percent:.4g} % on, the threshold of the workflow.',
    "predict_from_score": '"{label}" is predicted from a score of {score:.4g} on, the threshold of the workflow.',
}
