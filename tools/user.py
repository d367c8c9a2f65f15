"""The user of a run, read from its configuration."""

from __future__ import annotations

from langchain_core.runnables import RunnableConfig

from ..motion_core.errors import ConfigurationError

USER = "user"
"""Key of a run's ``configurable`` under which a host names the user."""

_AUTHENTICATED = "langgraph_auth_user_id"  # set only by LangGraph's server


def user_of(config: RunnableConfig) -> str | None:
    """Return the user of a run; None if there is none.

    A user authenticated by LangGraph's server takes precedence over the request.

    Raises:
        ConfigurationError: the user is not a string.
    """
    configurable = config.get("configurable") or {}
    user = configurable.get(_AUTHENTICATED) or configurable.get(USER)
    if user is None or user == "":
        return None
    if not isinstance(user, str):
        raise ConfigurationError(
            f"configurable[{USER!r}] is a {type(user).__name__}; give a string"
        )
    return user
