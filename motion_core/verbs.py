"""Verbs of human movement, and their third person."""

from __future__ import annotations

import re


def words_of(text: str) -> frozenset[str]:
    """Return the words of a text, as a set."""
    return frozenset(text.split())


VERBS = words_of("""
act advance aim approach arch balance beckon bend bob bounce bow box brush carry cartwheel catch
celebrate charge cheer chop circle clap clean climb clutch collapse comb come conduct cook cough
cover cower crawl creep cross crouch cry curtsy dance dash deposit dig dip dive do dodge drag draw
dribble drink drop duck eat enter exercise exit extend face fall fight flail flap flex flip float
fly fold freeze gallop gesture get give glance glide go grab greet hammer hang head hide hike hit
hold hop hug hunch hurry imitate jab jog juggle jump kick kiss kneel knock land laugh lay lead lean
leap leave lie lift limp look lower lunge make march meditate mimic moonwalk move nod open pace
paint pant parry pass pat pause pedal perform pet pick pirouette pitch pivot plank play point pose
pound pray press pretend proceed prowl pull punch push put quiver race raise reach read recoil
relax respond rest retreat return rise rock roll rotate row rub run rush salute saunter scratch
scrub shadowbox shake shift shiver shoot shrug shuffle sidestep signal sing sit skate ski skip
slap slash slide slip slither slouch slump snap sneak sneeze somersault speak spin spread spring
sprint squat squeeze stab stagger stand stare start stay step stir stomp stoop stop stretch stride
stroll strike strum strut stumble swagger sway sweep swim swing take talk tap throw thrust tilt
tiptoe toss touch tremble trip trot trudge tumble turn twirl twist type unsheathe use vault wade
wait wake walk wander wash watch wave weave wiggle wipe wobble work write yawn
backflip bicycle bump chase crab cool deliver descend ascend drive dust fish flinch frisbee golf
grapple handstand hurl inspect karate kneel lasso mop mow nap nudge peek peer plant pluck plunge
poke polish pour prance preen rap reap rinse saw scoop shovel sleep smash sow stumble surf tickle
tie tighten wail wrestle wring zigzag continue begin keep keel repeat lick march
""")


def third_person(base: str) -> str:
    """Return the third person: ``wave`` → ``waves``, ``carry`` → ``carries``."""
    if base in ("do", "go"):
        return base + "es"
    if re.search(r"[^aeiou]y$", base):
        return base[:-1] + "ies"
    if re.search(r"(s|x|z|ch|sh)$", base):
        return base + "es"
    return base + "s"
