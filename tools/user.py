"""Which user a run belongs to, read from its configuration."""

from __future__ import annotations

from langchain_core.runnables import RunnableConfig

from ..motion_core.errors import ConfigurationError

USER = "user"
"""Key of a run's ``configurable`` under which a host names the user."""

_AUTHENTICATED = "langgraph_auth_user_id"  # set by LangGraph's server and by nobody else there


def user_of(config: RunnableConfig) -> str | None:
    """Return the user that a run is for; None if nobody is named.

    Where LangGraph's server has authenticated somebody, it is them, whatever the request says.

    Raises:
        ConfigurationError: the user is named by something other than a text.
    """
    configurable = config.get("configurable") or {}
    user = configurable.get(_AUTHENTICATED) or configurable.get(USER)
    if user is None or user == "":
        return None
    if not isinstance(user, str):
        raise ConfigurationError(f"configurable[{USER!r}] is a {type(user).__name__}; give a text")
    return user
