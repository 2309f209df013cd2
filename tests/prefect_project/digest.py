"""Titles of articles, by author: a flow with another one in it, retries with delays, a map, and prints."""

from pathlib import Path

from trainyard.tasks import exponential_backoff

from trainyard import flow, get_run_logger, task, unmapped


@task(name="Fetch page", retries=2, retry_delay_seconds=[0.1, 0.2], log_prints=True, task_run_name="page {page}")
def fetch(page: int, folder: str) -> list[dict]:
    """A page of articles; the second page fails the first time, as servers do."""
    tried = Path(folder) / f"tried-{page}"
    if page == 2 and not tried.exists():
        tried.touch()
        raise ConnectionError("the server is busy")
    print(f"Fetched page {page}")
    return [{"author": name, "title": f"{name} on page {page}"} for name in ("Ada", "Grace")]


@task(retries=1, retry_delay_seconds=exponential_backoff(1), persist_result=True)
def titles_of(author: str, articles: list[dict]) -> list[str]:
    return [each["title"] for each in articles if each["author"] == author]


@flow(name="collect-articles")
def collect(pages: int, folder: str) -> list[dict]:
    futures = fetch.map(range(1, pages + 1), unmapped(folder))
    return [article for future in futures for article in future.result()]


@flow(name="digest", log_prints=True, retries=1)
def digest(authors: list[str], pages: int = 2, folder: str = ".") -> dict[str, list[str]]:
    logger = get_run_logger()
    articles = collect(pages, folder)
    logger.info("Collected %s articles", len(articles))
    found = {author: titles_of.submit(author, articles) for author in authors}
    made = {author: future.result() for author, future in found.items()}
    print(f"Digest of {len(made)} authors")
    return made


if __name__ == "__main__":
    print(digest(["Ada", "Grace"]))
