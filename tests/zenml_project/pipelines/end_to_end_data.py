from steps.etl import count_documents

from trainyard import pipeline

from .digital_data_etl import digital_data_etl


@pipeline
def end_to_end_data(author_links: list[dict[str, str | list[str]]], wait_for: str | list[str] | None = None) -> None:
    wait_for_ids = []
    for author_data in author_links:
        last_step_invocation_id = digital_data_etl(
            user_full_name=author_data["user_full_name"], links=author_data["links"]
        )

        wait_for_ids.append(last_step_invocation_id)

    count_documents(after=wait_for_ids)
