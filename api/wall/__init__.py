"""The wall: what every request passes before a route sees it. Origins, sign-in, limits; no business rules."""
