"""What is wrong with a request about workflows, steps, datasets and the queue."""

from jobs.language.template import Plural, Template

SENTENCES: dict[str, Template] = {
    # What does not exist.
    "no_such_workflow": "There is no workflow {workflow!r}.",
    "no_such_dataset": "There is no dataset {dataset!r}.",
    "no_such_step": "There is no step {step!r}.",
    "no_such_queue": "There is no queue {given!r}; there is {queue!r}.",
    "no_model": "Workflow {workflow:d} has no model: its training has not completed.",
    "no_model_saved": "Workflow {workflow:d} has no model: none of its steps saved one.",
    "link_without_dataset": "The link does not name a dataset.",
    # What is in another state.
    "repeat_which_input": "Workflow {workflow:d} has several datasets, none of them a version of {dataset}.",
    "repeat_without_data": "Workflow {workflow:d} has no dataset that {dataset} could replace.",
    "nothing_to_stop_early": (
        "No step of workflow {workflow:d} that can end early is running now. Cancel stops a workflow at once."
    ),
    "workflow_over": "Workflow {workflow:d} is already {status}.",
    "workflow_not_retryable": (
        "Workflow {workflow:d} is {status}; only a failed or cancelled workflow can be retried."
    ),
    "step_not_retryable": (
        "Step {step} of workflow {workflow:d} is {status}; only one that failed, was skipped or was cancelled can be "
        "retried."
    ),
    "retry_with_params": "Retry goes on with the same params; to change some, restart, or run again from a step.",
    "rerun_without_step": "Name the step to run from.",
    "no_such_level": "There is no level {given}; choose one of {known}.",
    "no_such_control": "There is no {given}; choose one of {known}.",
    "too_many_at_once": "{count:,} workflows are too many at once; choose at most {most:,}.",
    "too_many_tags": "Workflow {workflow:d} would have more than {most} tags; remove some.",
    "limit_malformed": "A limit is a number from 0 to {most:,}, not {given}.",
    "no_such_limit": "There is no limit for the tag {given}.",
    "tag_malformed": "The tag {given} cannot be used; a tag is 1 to {most} characters without a comma.",
    "zone_unknown": "There is no time zone {given!r}; zones are called as in Europe/Istanbul.",
    "report_too_early": "Workflow {workflow:d} is {status}; a report is of a completed workflow.",
    "workflow_running": "Workflow {workflow:d} has not ended; cancel it before deleting it.",
    "step_over": "Step {step} of workflow {workflow:d} is already {status}.",
    "dataset_in_use": Plural(
        "{dataset} is used by 1 workflow; delete that one first.",
        "{dataset} is used by {count} workflows; delete those first.",
    ),
    "dataset_unnamed": "A dataset needs a name.",
    "dataset_name_taken": "Another dataset is called {name}; choose another name, or rename that one first.",
    "file_just_deleted": "The same file was deleted while this one arrived; send it again.",
    "file_missing": "The stored file {file} is missing. Run the step that made it again.",
    "file_changed": "The stored file {file} was changed on disk. Run the step that made it again.",
    "key_reused": "This key was used for another request; send a new one.",
    # Starting, naming, listing.
    "too_many_waiting": Plural(
        "You have 1 workflow waiting, the most for one person. Start more when it has begun, or cancel it.",
        "You have {count} workflows waiting, the most for one person. Start more when some have begun, or cancel some.",
    ),
    "workflow_unnamed": "A workflow needs a name.",
    "own_field": "{name} is a field of its own, beside params.",
    "short_form_field": (
        "With a pipeline, name datasets in inputs and settings in params; {name} is of the short form."
    ),
    "facet_malformed": "A facet is name=value, such as region=north, not {given!r}.",
    "sort_direction_unknown": "The direction of a sort is asc or desc, not {given!r}.",
    "sort_unknown": "Workflows cannot be sorted by {given!r}; choose one of {known}.",
    "status_unknown": "There is no status {given!r}; there are {known}.",
    "param_above": "{param} is a setting of {other}, which comes before {step}; run from {other} to change it.",
    # Commands.
    "app_without_modules": (
        "The app that runs here was started without {missing}, so its workers cannot run this. Start the app again "
        "with TRAINYARD_PIPELINES={wanted}."
    ),
    "app_has_modules": "The app that runs has it: export TRAINYARD_PIPELINES={modules} TRAINYARD_PROJECT={project}",
    "pipelines_unset": "TRAINYARD_PIPELINES names no module of yours; set it as for the app.",
    "input_malformed": "--input takes name=id, such as data=7, not {given!r}.",
    "setting_malformed": "--set takes name=value, such as epochs=20, not {given!r}.",
    "takes_no_files": "Pipeline {pipeline} takes no files.",
    "takes_no_more_files": "Pipeline {pipeline} takes no more files.",
    "several_inputs": "Pipeline {pipeline} has several inputs; say --input NAME=ID for {inputs}.",
    "file_is_folder": "{file} is a folder; name a file.",
    "no_worker": "Workflow {workflow:d} waits for a worker: none is running, and TRAINYARD_WORKERS is 0.",
    "no_queue_to_work_for": (
        "There is no queue to work for: start the app, or set TRAINYARD_REDIS_URL to a queue that runs."
    ),
}
