"""What saving a value and reading it back say: which values cannot be kept, and how others are."""

from jobs.language.template import Template

SENTENCES: dict[str, Template] = {
    # Why a value is pickled; each stands in the log of its step.
    "artifact_pickled": (
        "A value of type {type} is stored as a pickle, since no other format holds it: only steps of this installation "
        "can load it, and there is nothing to look at. To avoid this, annotate it with a dataclass or pydantic model, "
        "or write a format of your own with @materializer."
    ),
    "artifact_pickled_because": (
        "A value of type {type} is stored as a pickle, which only this installation loads. {why}"
    ),
    "frame_column_lost": (
        "Parquet would change the column {column}: {reason}. Convert it, for example with .astype(str), to store the "
        "table as Parquet."
    ),
    "frame_refused": "Parquet does not hold this table: {reason}.",
    "frame_names_repeat": "Two columns are called {column}. Rename one to store the table as Parquet.",
    "array_of_objects": (
        "An array of objects has no safe format. Give it a plain type, for example .astype(float) or .astype(str), or "
        "return a list."
    ),
    "array_refused": "The .npy format does not hold this array: {reason}.",
    "sparse_refused": "SciPy has no file format for a {layout} matrix. Convert it with .tocsr() first.",
    "model_not_joblib": (
        "joblib does not hold it: {reason}. Replace functions defined inside others by module functions."
    ),
    "own_format_refused": "The format of its library does not hold it: {reason}.",
    "picture_changed": "PNG would change a picture of mode {mode}. Convert it to RGB or RGBA to store it as PNG.",
    "value_changed": (
        "JSON would change it, so it would not come back as it is. Annotate the output with its exact type, or leave "
        "out what is not plain data."
    ),
    "value_without_annotation": "JSON needs to know its type to read it back: annotate the output with {type}.",
    # What is stored otherwise than the code says.
    "artifact_other_type": "The code says {annotation}, and the value is of type {type}. It is stored as what it is.",
    "figure_as_picture": (
        "A figure of Matplotlib is stored as a PNG picture, and steps below get that picture. To hand on the figure "
        'itself, give its output materializer="pickle".'
    ),
    # What cannot be kept at all.
    "artifact_unstorable": (
        "A value of type {type} cannot be stored: {reason}. Return what it holds as plain data or a file, write a "
        "format "
        "own with @materializer, or make the value in the step that uses it."
    ),
    "artifact_consumed": ("A {type} cannot be stored, since it can be read only once. Return list(...) of it instead."),
    "artifact_open_file": "An open file cannot be stored. Close it and return its pathlib.Path.",
    "artifact_awaitable": "A {type} cannot be stored. Await it first and return its result.",
    "path_missing": "There is no file or folder {path}. To hand on the path alone, return str(path).",
    "path_special": "{path} is neither a file nor a folder, so it cannot be stored.",
    "path_unreadable": "{path} cannot be stored: {reason}.",
    "folder_link_out": "The link {member} in folder {path} leads out of it. Copy what it leads to into the folder.",
    "folder_too_many": "Folder {path} holds more than {most} files. Pack them into one file first.",
    # Formats of one's own.
    "materializer_incomplete": (
        "The format for {kind} needs two functions, save(value, folder) and load(folder, kind); it has no {missing}."
    ),
    "materializer_not_a_type": (
        "@materializer needs the type that it is for, such as @materializer(Order), not {given}."
    ),
    "materializer_name_taken": "A format is called {name}, which is a name of Trainyard's own. Choose another name.",
    "materializer_saved_nothing": "The format {name} saved no file into its folder.",
    "materializer_unknown": "The format {name} is not known here. Import the module that has its @materializer first.",
    "materializer_not_one": (
        '{given} is no format. Give materializer= a class or function under @materializer, or "pickle".'
    ),
    # Reading back.
    "artifact_unreadable": "A stored {type} cannot be read back: {reason}.",
    "artifact_not_of_type": "The stored value does not fit {annotation}: {reason}.",
    "artifact_library_missing": "A stored {format} needs the package {package}, which is not installed here.",
    "artifact_version_differs": (
        "This {type} was saved with {package} {saved} and is loaded with {current}. It may not work or give other "
        "results; run the step that made it again."
    ),
    "archive_unsafe": "The stored folder is refused: {member} {reason}.",
}
