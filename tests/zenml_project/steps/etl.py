from urllib.parse import urlparse

from llm_engineering.application import utils
from llm_engineering.domain.documents import UserDocument
from loguru import logger
from tqdm import tqdm
from typing_extensions import Annotated

from trainyard import get_step_context, step


@step
def get_or_create_user(user_full_name: str) -> Annotated[UserDocument, "user"]:
    logger.info(f"Getting or creating user: {user_full_name}")

    first_name, last_name = utils.split_user_full_name(user_full_name)

    user = UserDocument.get_or_create(first_name=first_name, last_name=last_name)

    step_context = get_step_context()
    step_context.add_output_metadata(output_name="user", metadata=_get_metadata(user_full_name, user))

    return user


def _get_metadata(user_full_name: str, user: UserDocument) -> dict:
    return {
        "query": {
            "user_full_name": user_full_name,
        },
        "retrieved": {
            "user_id": str(user.id),
            "first_name": user.first_name,
            "last_name": user.last_name,
        },
    }


@step
def crawl_links(user: UserDocument, links: list[str]) -> Annotated[list[str], "crawled_links"]:
    logger.info(f"Starting to crawl {len(links)} link(s).")

    metadata = {}
    successfull_crawls = 0
    for link in tqdm(links):
        domain = urlparse(link).netloc
        metadata.setdefault(domain, {"successful": 0, "total": 0})
        metadata[domain]["successful"] += 1
        metadata[domain]["total"] += 1
        successfull_crawls += 1

    step_context = get_step_context()
    step_context.add_output_metadata(output_name="crawled_links", metadata=metadata)

    logger.info(f"Successfully crawled {successfull_crawls} / {len(links)} links for {user.full_name}.")

    return links


@step
def count_documents() -> Annotated[int, "documents"]:
    return 2
