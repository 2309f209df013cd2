"""Access: how this process is reached, which decides whether people have to sign in."""

from dataclasses import dataclass

from store import people


@dataclass
class Access:
    """What the server derived from its address at its start; commands leave it as it is."""

    sign_in_required: bool = False
    open_to_others: bool = False


ACCESS = Access()


def require_sign_in() -> None:
    """Require sign-in from now on, even when no account is left."""
    ACCESS.sign_in_required = True


def let_everybody_in() -> None:
    """Let in everybody who reaches this process; none of them can make themselves the first admin."""
    ACCESS.open_to_others = True


def must_sign_in() -> bool:
    """Whether people have to sign in: once there is an account, or where the server requires it."""
    return ACCESS.sign_in_required or people.exist()
