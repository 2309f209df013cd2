def split_user_full_name(user: str | None) -> tuple[str, str]:
    if not user:
        raise ValueError("User name is empty")
    *first, last = user.split(" ")
    return " ".join(first) or last, last
