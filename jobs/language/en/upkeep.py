"""Settings, the database, the disk, backups and restores."""

from jobs.language.template import Template

SENTENCES: dict[str, Template] = {
    # Settings.
    "setting_wrong": "{name} is {given!r}, which does not work: {reason}.",
    "home_unusable": "TRAINYARD_HOME cannot be {folder}: {reason}.",
    "files_url_unsupported": "TRAINYARD_FILES_URL must be a folder or a file:// URL; others are not supported yet.",
    "secret_key_short": "Each key in TRAINYARD_SECRET_KEYS needs at least {shortest} characters.",
    "secret_key_unreadable": "The key file {file} cannot be read: {reason}.",
    "secret_key_damaged": (
        "The key file {file} is damaged: each line must be a key of at least {shortest} characters. Put a copy of it "
        "back. "
        "If there is none, remove it; the steps whose outputs it signed then run again."
    ),
    "files_folder_unusable": (
        "Files cannot be kept in {folder}: {reason}. Make it a folder that you may write to, or set "
        "TRAINYARD_FILES_URL to another."
    ),
    "redis_url_malformed": (
        "TRAINYARD_REDIS_URL leads to no queue; it must look like redis://host:6379/0, or be left out."
    ),
    "folder_of_other_user": "{folder} belongs to another user; set TRAINYARD_HOME to a shorter path.",
    "database_in_memory": (
        "TRAINYARD_DATABASE_URL must name a file, as in sqlite:////folder/name.db; a database in memory forgets "
        "everything."
    ),
    "database_url_malformed": (
        "TRAINYARD_DATABASE_URL leads to no database; it must look like "
        "postgresql+psycopg://user:password@host/name, or be left out."
    ),
    "database_package_missing": ("TRAINYARD_DATABASE_URL needs the Python package {package}, which is not installed."),
    "database_unusable": "The database at {address} cannot be used: {reason}.",
    # The disk.
    "no_room_for_file": (
        "The file has {size:bytes} and needs three times that to be worked with; the disk of the server has "
        "{free:bytes} free. Make room, or send fewer rows."
    ),
    "no_room": "This needs {needed:bytes}, and {folder} has {free:bytes} free.",
    "no_such_file": "There is no file {file}.",
    "no_such_folder": "There is no folder {folder}.",
    "file_exists": "{file} is there already; choose another name, or say --force.",
    "target_is_folder": "{file} is a folder; name a file in it.",
    # Making a backup.
    "database_newer": (
        "{address} is of a newer version ({revision}, not {newest}). Install the newer Trainyard; this one must not be "
        "used with it."
    ),
    "database_not_sqlite": (
        "The database at {address} is not a SQLite file. Back it up with a tool of its own, such as pg_dump, then "
        "copy the folder {folder}."
    ),
    "backup_being_written": "Another backup is just being written to {file}.",
    "backup_files_vanish": ("Files were deleted all the time while the backup was made; try again in a quiet moment."),
    # Reading one.
    "backup_unreadable": "This is not a backup, or it was damaged or cut short.",
    "backup_foreign_part": "This is not a backup of Trainyard: it holds something that no backup holds.",
    "backup_list_too_long": "This is not a backup of Trainyard: its list of contents is too long.",
    "backup_list_damaged": "The list of contents in the backup is damaged.",
    "backup_cut_short": "The backup ends too early: it was not copied completely.",
    "backup_changed": "The backup was changed while it was read.",
    "backup_damaged": "The backup is damaged: what it holds is not what was written.",
    "backup_files_missing": "The backup is damaged: files that its database needs are not in it.",
    "backup_newer": "The backup was made by a newer Trainyard; install that one to restore it.",
    "backup_database_damaged": "The database in the backup is damaged.",
    "backup_database_foreign": "The database in the backup is not one of Trainyard.",
    # Restoring it.
    "restore_running": "Another restore is running in this home; wait for it to end.",
    "restore_declined": "Nothing was changed.",
    "backup_of_other_key": (
        "Outputs that are code (models, pickled values) are signed with a key that this home does not have, so they "
        "are not loaded here and their steps run again when needed. To use them, add the key of the other home to "
        "secret.key."
    ),
    "restore_question": (
        "Replace what this home holds (workflows: {workflows}, datasets: {datasets}) by the backup of {made_at} "
        "(workflows: {backup_workflows}, datasets: {backup_datasets})? A backup of what is there now is kept."
    ),
    "restore_needs_yes": (
        "This home is not empty (workflows: {workflows}, datasets: {datasets}). Say --yes to replace what it holds by "
        "the backup of {made_at} (workflows: {backup_workflows}, datasets: {backup_datasets}); a backup of what is "
        "there now is kept."
    ),
}
