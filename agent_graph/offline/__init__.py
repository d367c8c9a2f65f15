"""The offline planner: rules instead of a language model, so everything works on day one.

answers      small talk, help, questions about motions
commands     one request into single commands
motions      commands for whole motions: open, name, export, start over
edits        commands that change the current motion; ordering: its order; timing: its durations;
                 manners: how a segment is done
draft        the motion during an edit, and the steps of its plan
references   resolves "the second wave" to a segment, "the first one" to a motion
scene        who does what: clauses to actions of one person or two; placing: where they stand
durations    "for two seconds", and numbers that lack their unit
clauses      a sentence to clauses; predicates: a clause to plain English; lexicon: its words
"""

from .planner import NOTICE, OfflinePlanner

__all__ = ["NOTICE", "OfflinePlanner"]
