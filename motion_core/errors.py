"""Every error this package raises on purpose, by who can do something about it.

    MotionAgentError
    ├── InputError            the person or LLM that gave the input: a file, a description, an id
    │   └── FormatError       … a file that cannot be read as motion
    ├── ConfigurationError    the developer: unknown planner, wrong checkpoint, missing extra
    ├── UnavailableError      the surroundings: no network, no server, no key, read-only folder
    │   └── IntegrityError    … something arrived, but not the expected content
    ├── PlanError             the planner LLM: its answer is not a plan; it may be asked again
    ├── GenerationError       MotionLLM: it produced nothing usable; another seed may help
    ├── UnexpectedError       us: an unforeseen error ended a turn; see its cause
    └── Cancelled             the caller: the work was stopped before it was done

The message of each is one complete line: what was wrong, which value, what to do.
"""

from __future__ import annotations


class MotionAgentError(Exception):
    """Base of all errors that motion-agent raises on purpose."""


class InputError(MotionAgentError, ValueError):
    """The given value cannot be used; the message says which and what would do."""


class FormatError(InputError):
    """A file is not readable as the motion format it claims to be."""


class ConfigurationError(MotionAgentError):
    """The set-up is wrong: an unknown name, parts that do not fit, a missing extra."""


class UnavailableError(MotionAgentError):
    """Something outside is missing: network, server, key, or the right to write."""


class IntegrityError(UnavailableError):
    """A download arrived damaged or is not the file that was expected."""


class PlanError(MotionAgentError):
    """A planner's answer is not a valid plan; the message is written for an LLM to act on."""


class GenerationError(MotionAgentError):
    """MotionLLM ended without a usable motion or caption."""


class UnexpectedError(MotionAgentError):
    """A turn ended with an unforeseen error; the conversation can continue."""


class Cancelled(MotionAgentError):
    """The work was stopped on request, before it was done."""
