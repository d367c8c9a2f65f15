"""The offline planner: rules instead of a language model, so everything works on day one.

answers      small talk, help, questions about the motions
commands     one request into single commands
motions      commands about whole motions: open, name, export, start over
edits        commands that change the current motion; timing: its durations;
                 manners: how a segment is done
draft        the motion while it is edited, and the steps that tell it
references   which segment "the second wave" is, which motion "the first one"
scene        who does what: clauses to actions of one person or two; placing: where they stand
clauses      a sentence to clauses; predicates: a clause to plain English; lexicon: its words
"""

from .planner import NOTICE, OfflinePlanner

__all__ = ["NOTICE", "OfflinePlanner"]
