"""What steps say of themselves, how their attempts end, and what their logs say of attempts."""

from jobs.language.template import Template

SENTENCES: dict[str, Template] = {
    "stop_early_asked": "A person asked it to stop and keep what it has.",
    # What a step says of itself in free words.
    "text": "{text}",
    "refused": "{text}",
    # How attempts end.
    "completed": "Completed.",
    "cancelled": "Cancelled.",
    "worker_lost": "The worker was lost while it ran this step.",
    "stopped": "Trainyard was stopped while this step ran.",
    "backed_up": "The backup was made while this step ran.",
    "frozen": "The process of this step stood still and was killed.",
    "timeout": "The step exceeded its time limit.",
    "timeout_at": "The step exceeded its time limit of {seconds} s, in {file}, line {line:d}.",
    "timeout_killed": "The step exceeded its time limit, ignored the request to stop, and was killed.",
    "exited": "The process of this step exited by itself (exit code {exit_code}).",
    "signalled": "The process of this step was killed ({signal}).",
    "killed": (
        "The process of this step was killed after it had used up to {gigabytes} GB (SIGKILL; often because memory "
        "ran out)."
    ),
    "out_of_memory": "The step ran out of memory. Give it less data, or a machine with more memory.",
    "disk_full": "The disk is full. Free some space, then retry.",
    "error": "The step stopped with an error: {reason}",
    "retryable": "{reason}",
    "code_gone": (
        "The workers cannot load the code of step {step} of pipeline {pipeline}. {reason} Bring it back, or start the "
        "app again with TRAINYARD_PIPELINES naming its module, then retry."
    ),
    # What a step's log says of its attempts.
    "next_attempt": "Attempt {number} follows.",
    "continues": "Attempt {number} continues from epoch {epoch}.",
    "checkpoint_unusable": "The previous checkpoint is damaged or outdated; starting over.",
    "curve_lost": "The numbers up to the previous checkpoint are lost; starting over.",
    "metric_not_finite": "{name} of epoch {epoch} is {value} and is left out.",
    "records_refused": (
        "The database refused some of what this step recorded: {numbers} numbers and {lines} lines are lost. The log "
        "of the worker says why."
    ),
    "never_reused": (
        "This result is not reused later. Trainyard cannot tell whether these values of your code have changed: "
        "{values}. Give the step a version=, or make them inside the step."
    ),
    "result_misfit": "{name} is shown as JSON because {reason}.",
    "score_not_finite": "Score {name} is {value} and is left out.",
}
