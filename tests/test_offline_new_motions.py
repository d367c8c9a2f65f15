"""The offline planner: what a person tells becomes a motion, or an honest answer."""

from __future__ import annotations

import pytest
from offline_planning import planned


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (
            "A tired person walks forward, then waves with both hands, then bows.",
            "+: a tired person walks forward | +: a tired person waves with both hands"
            " | +: a tired person bows",
        ),
        (
            "A person walks forward, then runs, then jumps over an obstacle and lands.",
            "+: a person walks forward | +: a person runs | +: a person jumps over an obstacle"
            " | +: a person lands",
        ),
        (
            "A man is practicing tai chi, then he bows to his opponent.",
            "+: a man practices tai chi | +: a man bows to his opponent",
        ),
        (
            "Someone walks to the kitchen, opens the fridge, takes a bottle, drinks and sits down.",
            "+: someone walks to the kitchen | +: someone opens the fridge"
            " | +: someone takes a bottle | +: someone drinks | +: someone sits down",
        ),
        (
            "A soldier crawls under a fence, gets up, runs to cover, and shoots.",
            "+: a soldier crawls under a fence | +: a soldier gets up"
            " | +: a soldier runs to cover | +: a soldier shoots",
        ),
        (
            "A basketball player dribbles the ball, jumps, and shoots at the basket.",
            "+: a basketball player dribbles the ball | +: a basketball player jumps"
            " | +: a basketball player shoots at the basket",
        ),
        (
            "A person warms up: stretches the arms, rolls the shoulders, and does five squats.",
            "+: a person warms up | +: a person stretches the arms"
            " | +: a person rolls the shoulders | +: a person does five squats",
        ),
        (
            "A person walks up the stairs, turns around, and walks down the stairs.",
            "+: a person walks up the stairs | +: a person turns around"
            " | +: a person walks down the stairs",
        ),
        (
            "Walk forward slowly, pause for two seconds, then turn left and run.",
            "+: a person walks forward slowly | +: a person pauses [2 s]"
            " | +: a person turns left | +: a person runs",
        ),
        (
            "A drunk person staggers sideways, almost falls, and catches himself.",
            "+: a drunk person staggers sideways | +: a drunk person almost falls"
            " | +: a drunk person catches himself",
        ),
        (
            "a ballerina pirouettes twice and then curtsies",
            "+: a ballerina pirouettes | +: a ballerina pirouettes | +: a ballerina curtsies",
        ),
        (
            "First, a person waves. Second, he claps. Third, he bows.",
            "+: a person waves | +: a person claps | +: a person bows",
        ),
        (
            "walk in a circle clockwise, then counterclockwise",
            "+: a person walks in a circle clockwise | +: a person walks counterclockwise",
        ),
        (
            "1) stand up 2) stretch 3) yawn",
            "+: a person stands up | +: a person stretches | +: a person yawns",
        ),
        (
            "I want to see somebody do a handstand and then a cartwheel",
            "+: somebody does a handstand | +: somebody cartwheels",
        ),
        (
            "A person is sitting on a chair and stands up",
            "+: a person sits on a chair | +: a person stands up",
        ),
        ("A person stood up and walked away", "+: a person stands up | +: a person walks away"),
        ("Please animate a robot doing the moonwalk", "+: a robot does the moonwalk"),
        (
            "Generate a motion where a person walks forward, turns around, and walks back.",
            "+: a person walks forward | +: a person turns around | +: a person walks back",
        ),
        (
            "A person does a cartwheel, then, he walks away happily",
            "+: a person does a cartwheel | +: a person walks away happily",
        ),
        (
            "The person kicks with left leg; the person kicks with right leg",
            "+: a person kicks with left leg | +: a person kicks with right leg",
        ),
        (
            "The man picks something up with his right hand, looks at it and throws it away.",
            "+: the man picks something up with his right hand | +: the man looks at it"
            " | +: the man throws it away",
        ),
        ("Make a person wave, then make him bow", "+: a person waves | +: a person bows"),
        ("Make a video of a man walking", "+: a man walks"),
        (
            "A person walks and waves at the same time",
            "+: a person walks and waves at the same time",
        ),
        (
            "walk, jump and bow in ten seconds in all",
            "+: a person walks [3.33 s] | +: a person jumps [3.33 s] | +: a person bows [3.33 s]",
        ),
        (
            "he runs for 5 seconds, slowly, then after 3 seconds waves",
            "+: a person runs, slowly [5 s] | +: a person waves",
        ),
        (
            "A person slowly bends down, his arms swing, and then he stands up",
            "+: a person slowly bends down | +: a person's arms swing | +: a person stands up",
        ),
        ("A man, who is old, walks slowly", "+: a man who is old walks slowly"),
        ("a tall, thin man walks", "+: a tall, thin man walks"),
        ("until he falls, he runs", "+: a person runs until he falls"),
        ("walk to the box and drop it", "+: a person walks to the box | +: a person drops it"),
        (
            "open the door and walk through it",
            "+: a person opens the door | +: a person walks through it",
        ),
        ("A person jumps as high as he can", "+: a person jumps as high as he can"),
        ("WALK FORWARD AND WAVE", "+: a person walks forward | +: a person waves"),
        ('A person "walks" and (then) bows', "+: a person walks | +: a person bows"),
        (
            "A person walks. Make it slower. Export it as bvh.",
            "+: a person walks slowly | export walk.bvh",
        ),
        ("a person jumps and save it as jump.bvh", "+: a person jumps | export jump.bvh"),
        ("fall and stand up", "+: a person falls | +: a person stands up"),
        ("Show me how a person walks and then falls", "+: a person walks | +: a person falls"),
        (
            "A person is walking and waving his hand while smiling",
            "+: a person walks | +: a person waves his hand while smiling",
        ),
        (
            "Make a man who is drunk walk, fall and stand up, in this order",
            "+: a man who is drunk walks | +: a man who is drunk falls"
            " | +: a man who is drunk stands up",
        ),
        ("two jumps", "+: a person jumps | +: a person jumps"),
        ("add a jump", "+: a person jumps"),
        ("then wave", "+: a person waves"),
        ("make a new motion: a person bows", "+: a person bows"),
        ("He walks but does not wave", "+: a person walks"),
        ("A person walks without waving his arms", "+: a person walks"),
        ("A man neither walks nor jumps, he sits", "+: a man sits"),
        (
            "A person walks forward, not waving, and bows",
            "+: a person walks forward | +: a person bows",
        ),
        ("A person doesn't wave and jump, but bows", "+: a person bows"),
        ("walks and doesn't stop clapping", "+: a person walks | +: a person keeps clapping"),
        ("do not forget to bow", "+: a person bows"),
        ("no jumping, just walk", "+: a person walks"),
        ("an exercise, anything but jumping", "+: a person exercises"),
        ("no jumping, just a bow", "+: a person bows"),
        ("not a kick but a punch", "+: a person punches"),
        ("instead of sitting down she kneels", "+: a person kneels"),
        ("jump instead of bowing", "+: a person jumps"),
        ("A man is not happy and stomps his feet", "+: a man stomps his feet"),
        ("open walk.bvh and add a bow", "open walk.bvh | =s1 | +: a person bows"),
        ("open walk.bvh", "open walk.bvh"),
        ("what happens in walk.bvh?", "caption walk.bvh"),
        ("describe m-3fa9c1", "caption m-3fa9c1"),
        ("undo", "undo"),
    ],
)
def test_what_is_told_becomes_plain_sentences(request_: str, expected: str) -> None:
    assert planned(request_) == expected


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ("don't wave", "“You only said what does not happen. Tell me what the person"),
        ("remove the jump", "“There is no motion yet to change. Tell me what a person doe"),
        ("make it slower", "“There is no motion yet to change. Tell me what a person doe"),
        ("another take", "“There is no motion yet to change. Tell me what a person doe"),
        ("what does it show?", "“There is no motion yet to say something about. Tell me what"),
        ("tell me a joke", "“I can only speak about motions. Tell me what a person does"),
        ("export it as bvh", "“There is no motion yet to export. Tell me what a person doe"),
        ("call it greeting", "“There is no motion yet to name. Tell me what a person does"),
        ("start over", "“There is nothing to start over yet. Tell me what the person"),
        ("three people dance", "“I can move two people at most, not “three people”. Tell me"),
        ("person 2 sits down", "“There is no first person yet. Tell me what each of the two"),
        ("hello", "“Hello! Tell me what a person does and I make the motion, fo"),
        ("thank you!", "“You are welcome. Tell me what should move next."),
        ("how are you?", "“Well, thank you for asking. Tell me what should move."),
        ("what can you do?", "“Tell me what a person does and I make the motion, for examp"),
        ("banana", "“I found no action in “banana”. Tell me what a person does a"),
        ("🕺", "“I found no action in “🕺”. Tell me what a person does and I"),
        (
            "una persona camina hacia adelante y saluda",
            "“Sorry, I follow rules and only understand English. Please",
        ),
        ("ein Mann geht und winkt", "“Sorry, I follow rules and only understand English. Please"),
        ("un homme marche et saute", "“Sorry, I follow rules and only understand English. Please"),
        ("走る", "“Sorry, I follow rules and only understand English. Please"),
        ("ходит человек", "“Sorry, I follow rules and only understand English. Please"),
        ("hola", "“Sorry, I follow rules and only understand English. Please"),
    ],
)
def test_what_is_no_motion_is_answered(request_: str, expected: str) -> None:
    assert planned(request_).startswith(expected)
