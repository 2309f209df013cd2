"""What is wrong with a request to the API or the wall around it, before any verb sees it."""

from jobs.language.template import Plural, Template

SENTENCES: dict[str, Template] = {
    # The address and the method.
    "no_such_address": "There is nothing at {path}; /api/docs lists what there is.",
    "wrong_method": "{method} does not work on {path}.",
    "wrong_method_use": "{method} does not work on {path}; use {allowed}.",
    "query_unknown": "There is no query parameter {given!r}; there are {known}.",
    "query_unknown_here": "There is no query parameter {given!r}; this request takes none.",
    "no_such_name": "There is nothing called {given!r}.",
    "no_such_page": "This page does not exist.",
    "no_such_job": "The queue has no readable job {job!r}. RQ removes jobs some days after they end.",
    "queue_view_read_only": "This view only shows the queue. Stop, retry and pause on the Queues page.",
    # The body and its fields.
    "body_not_json": "The body is not JSON: {reason} at line {line}, column {column}.",
    "body_unreadable": "The body cannot be read as JSON.",
    "body_missing": "The body is missing.",
    "body_not_object": "The body must be a JSON object, sent with the header Content-Type: application/json.",
    "body_wrong": "The body is wrong: {reason}.",
    "body_too_long": "The body is too long; {most:bytes} is the most for this request.",
    "body_too_late": "The body did not arrive within {seconds:g} s.",
    "field_missing": "{field} is missing.",
    "field_unknown": "{field} is not a known field.",
    "field_too_long": Plural(
        "{field} must have at most 1 character.", "{field} must have at most {most} characters.", by="most"
    ),
    "field_too_small": "{field} must be at least {limit}.",
    "field_too_big": "{field} must be at most {limit}.",
    "field_not_above": "{field} must be more than {limit}.",
    "field_not_below": "{field} must be less than {limit}.",
    "field_not_whole": "{field} must be a whole number.",
    "field_not_number": "{field} must be a number.",
    "field_not_bool": "{field} must be true or false.",
    "field_not_text": "{field} must be a text.",
    "field_not_object": "{field} must be an object with names and values.",
    "field_not_list": "{field} must be a list.",
    "field_broken_text": "{field} must be text without half or zero characters.",
    "field_wrong": "{field} is wrong: {reason}.",
    "nothing_to_start": "Name a pipeline, or a dataset_id to train on.",
    "nothing_to_change": "Give a role, a password or both.",
    # Uploads.
    "upload_unnamed": "Name the file: POST /api/datasets?name=customers.csv.",
    "uploads_of_one_person": Plural(
        "You have 1 upload running; start the next when it has ended.",
        "You have {count} uploads running; start the next when one has ended.",
    ),
    "arrival_gone": "The file is not here any more. Drop it again.",
    "uploads_too_many": "Too many files are arriving at once. Try again in a minute.",
    "upload_cut_short": "The upload stopped before the whole file had arrived; nothing was kept. Send it again.",
    "upload_too_slow": "The file arrived too slowly, at less than 1 MB a minute; nothing was kept.",
    "upload_silent": "No more of the file arrived for {seconds:g} s; nothing was kept. Send it again.",
    "form_without_boundary": "The form has no boundary; send it as multipart/form-data with one.",
    "form_boundary_too_long": "The boundary of the form is too long; use at most {most} characters.",
    "form_without_file": "The form has no file; send one in a field such as file.",
    "form_unreadable": "The form cannot be read as multipart/form-data.",
    # Who may send requests.
    "this_machine_only": (
        "This app is for the machine it runs on. To open it to others, start it with --server.address."
    ),
    "address_unprintable": "The address holds characters that cannot be printed.",
    "host_unknown": (
        "This app is not known as {host!r}. If it should be, add the name to server.allowedHosts in "
        ".streamlit/config.toml."
    ),
    "other_site": "This request comes from another site's page, so nothing was changed.",
    "sign_in_first": "Sign in first.",
    "sign_in_first_how": (
        "Sign in first: send a token, as in Authorization: Bearer ty_..., or sign in at /login with a browser."
    ),
    "role_too_low": "{name} is signed in as {role}, who may not do this; ask an admin for another role.",
    "admins_only": "{name} is signed in as {role}, who may not do this; ask an admin.",
    "no_single_sign_on": "There is no single sign-on here.",
    "authlib_missing": "Single sign-on is configured and Authlib is missing: {command}",
    "nobody_can_sign_in": (
        "Other machines can reach this app, and no account exists. Create one first with {command} user add NAME "
        "--role admin, or set TRAINYARD_OPEN=1 to let everyone in."
    ),
    # The server.
    "queue_down": "The queue cannot be reached right now. Saved work is safe and continues when it is back.",
    "server_disk_full": "The disk of the server is full; nothing was kept. Make room, then try again.",
    "server_fault": "Something went wrong on our side; see the server log.",
}
