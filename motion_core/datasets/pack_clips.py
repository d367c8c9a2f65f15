"""The clips of the motion packs that are used, with their actions.

Every clip was inspected; an entry says what the body does, whatever the file's name. A name with
``+`` joins consecutive clips of one file.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ClipEntry:
    """Facts about a clip.

    Attributes:
        action: a key of `PACK_WORDINGS`.
        loops: whether it is one cycle of a continuing action.
        travels: whether it walks in place and must be moved along.
        airborne: whether the body leaves the floor.
        lying: whether the hips are on the floor throughout.
        on_hands: whether the hands bear weight.
    """

    action: str
    loops: bool = False
    travels: bool = False
    airborne: bool = False
    lying: bool = False
    on_hands: bool = False


def _cycle(action: str) -> ClipEntry:
    return ClipEntry(action, loops=True)


def _on_the_spot(action: str) -> ClipEntry:
    return ClipEntry(action, loops=True, travels=True)


CLIPS: dict[str, dict[str, ClipEntry]] = {
    "deepmimic": {
        "backflip": ClipEntry("do a backflip"),
        "cartwheel": ClipEntry("do a cartwheel"),
        "crawl": _cycle("crawl"),
        "dance_a": ClipEntry("dance"),
        "dance_b": ClipEntry("dance"),
        "dance_spin": _cycle("spin around with the arms spread"),
        "getup_facedown": ClipEntry("get up from the stomach"),
        "getup_faceup": ClipEntry("get up from the back"),
        "jog": _cycle("jog"),
        "jump": ClipEntry("jump forward"),
        "kick": ClipEntry("kick high with the right leg"),
        "punch": ClipEntry("step forward and punch with the right hand"),
        "roll": ClipEntry("do a forward roll"),
        "run": _cycle("run"),
        "sideflip": ClipEntry("do a side flip"),
        "spin": ClipEntry("do a butterfly kick"),
        "spinkick": ClipEntry("do a jumping spin kick"),
        "stealthy_walk": _cycle("sneak"),
        "walk": _cycle("walk"),
        "zombie_walk": _cycle("walk like a zombie"),
    },
    "mesh2motion": {
        "addon/Angry": _cycle("swing both arms wildly"),
        "addon/Bow": ClipEntry("bow with the palms together"),
        "addon/Confused": ClipEntry("scratch the head"),
        "addon/Consume Item": ClipEntry("eat or drink something"),
        "addon/Crawl RM": _cycle("crawl on the stomach"),
        "addon/Dance Body Roll": ClipEntry("dance"),
        "addon/Dance Charleston": _cycle("dance the Charleston"),
        "addon/Dance Reach Hip": _cycle("dance"),
        "addon/Dizzy": _cycle("sway as if dizzy"),
        "addon/Fighting Idle": _cycle("stand in a fighting stance"),
        "addon/Fighting Left Jab": _cycle("punch with the left hand"),
        "addon/Fighting Right Jab": _cycle("punch with the right hand"),
        "addon/Greeting": ClipEntry("wave the right hand"),
        "addon/Jumping Jacks": _cycle("do jumping jacks"),
        "addon/Pushup": _cycle("do push-ups"),
        "addon/Reject": ClipEntry("shake both hands to refuse"),
        "addon/Throw Object": ClipEntry("throw something"),
        "addon/Victory": ClipEntry("jump for joy"),
        "addon/Victory Fist Pump": ClipEntry("raise the right fist"),
        "base/Crouch_Fwd_Loop": _on_the_spot("walk in a deep crouch"),
        "base/Dance_Loop": _cycle("dance"),
        "base/Death01": ClipEntry("fall down on the back"),
        "base/Fixing_Kneeling": ClipEntry("kneel down and work on something"),
        "base/Idle_Talking_Loop": _cycle("talk with gestures"),
        "base/Interact": ClipEntry("reach forward with the left hand"),
        "base/Jog_Fwd_Loop": _on_the_spot("run"),
        "base/Jump_Land": ClipEntry("land from a jump"),
        "base/PickUp_Table": ClipEntry("pick something up from a table"),
        "base/Punch_Cross": _cycle("punch with the right hand"),
        "base/Punch_Enter": ClipEntry("take a fighting stance"),
        "base/Punch_Jab": _cycle("punch with the left hand"),
        "base/Push_Loop": _on_the_spot("push something heavy"),
        "base/Roll_RM": ClipEntry("dive into a forward roll"),
        "base/Sitting_Enter": ClipEntry("sit down"),
        "base/Sitting_Enter+Sitting_Exit": ClipEntry("sit down and stand up"),
        "base/Sitting_Exit": ClipEntry("stand up from a chair"),
        "base/Sitting_Talking_Loop": _cycle("sit and talk"),
        "base/Sprint_Loop": _on_the_spot("dash"),
        "base/Swim_Fwd_Loop": _cycle("swim"),
        "base/Swim_Idle_Loop": _cycle("tread water"),
        "base/Walk_Formal_Loop": _on_the_spot("walk"),
        "base/Walk_Loop": _on_the_spot("walk"),
    },
    "kaykit": {
        "CombatMelee/Melee_2H_Attack_Spin": ClipEntry("spin around with the arms in front"),
        "CombatMelee/Melee_Unarmed_Attack_Kick": _cycle("kick with the right leg"),
        "CombatMelee/Melee_Unarmed_Attack_Punch_A": _cycle("punch with the right hand"),
        "CombatRanged/Ranged_Bow_Draw": ClipEntry("draw a bow"),
        "CombatRanged/Ranged_Bow_Draw_Up": ClipEntry("draw a bow"),
        "General/PickUp": ClipEntry("bend down and pick something up"),
        "General/Throw": ClipEntry("throw something"),
        "General/Use_Item": ClipEntry("eat or drink something"),
        "MovementAdvanced/Crawling": ClipEntry("crawl", loops=True, travels=True, on_hands=True),
        "MovementBasic/Jump_Full_Short": ClipEntry("jump", airborne=True),
        "Simulation/Cheering": ClipEntry("cheer"),
        "Simulation/Lie_Down": ClipEntry("lie down"),
        "Simulation/Lie_Down+Lie_StandUp": ClipEntry("lie down and get up"),
        "Simulation/Lie_StandUp": ClipEntry("get up from the back"),
        "Simulation/Push_Ups": ClipEntry("do push-ups", loops=True, on_hands=True),
        "Simulation/Sit_Chair_Down": ClipEntry("sit down"),
        "Simulation/Sit_Floor_Down": ClipEntry("sit down on the floor"),
        "Simulation/Sit_Floor_Down+Sit_Floor_StandUp": ClipEntry("sit on the floor and stand up"),
        "Simulation/Sit_Floor_StandUp": ClipEntry("stand up from the floor"),
        "Simulation/Sit_Ups": ClipEntry("do sit-ups", loops=True, lying=True),
        "Simulation/Waving": _cycle("wave the right hand"),
        "Special/Skeletons_Walking": _on_the_spot("walk like a zombie"),
    },
}
