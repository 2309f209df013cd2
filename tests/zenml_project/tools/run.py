from datetime import datetime as dt
from pathlib import Path

from pipelines.digital_data_etl import digital_data_etl
from pipelines.end_to_end_data import end_to_end_data


def main(etl_config_filename: str = "digital_data_etl_paul.yaml", no_cache: bool = False) -> None:
    root_dir = Path(__file__).resolve().parent.parent
    run_args_etl = {}
    pipeline_args = {"enable_cache": not no_cache}
    pipeline_args["config_path"] = root_dir / "configs" / etl_config_filename
    assert pipeline_args["config_path"].exists(), f"Config file not found: {pipeline_args['config_path']}"
    pipeline_args["run_name"] = f"digital_data_etl_run_{dt.now().strftime('%Y_%m_%d_%H_%M_%S')}"
    digital_data_etl.with_options(**pipeline_args)(**run_args_etl)

    authors = [{"user_full_name": name, "links": ["https://example.com/" + name]} for name in ("Ada L", "Can Y")]
    end_to_end_data(author_links=authors)
    digital_data_etl(user_full_name="Ada L", links=["https://example.com/Ada L"])


if __name__ == "__main__":
    main()
