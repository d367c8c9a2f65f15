"""Wordings for the actions of the motion packs: four or five each.

As in `wordings`, ``*`` marks a verb to be inflected and wordings are written for motions as
captured. They describe the body's motion; each becomes two sentences.
"""

from __future__ import annotations

from .wordings import forms

PACK_WORDINGS: dict[str, tuple[str, ...]] = {
    "do a backflip": forms(
        "*do a backflip; *jump up and *flip backward; *swing the arms up and *do a backflip; "
        "*flip over backward through the air and *land on both feet"
    ),
    "do a cartwheel": forms(
        "*do a cartwheel; *perform a cartwheel; *turn a cartwheel on both hands; *put both "
        "hands on the ground and *swing the legs over in a cartwheel"
    ),
    "crawl": forms(
        "*crawl forward; *crawl on hands and knees; *crawl along the ground; *move forward on "
        "all fours"
    ),
    "crawl on the stomach": forms(
        "*crawl on the stomach; *crawl flat on the floor; *drag along the floor on elbows and "
        "knees; *crawl forward low on the ground"
    ),
    "dance": forms("*dance; *do a dance; *dance on the spot; *move rhythmically to music"),
    "dance the Charleston": forms(
        "*dance the Charleston; *do the Charleston; *dance, swinging the legs forward and "
        "back; *dance with swinging arms and legs"
    ),
    "spin around with the arms spread": forms(
        "*spin around with the arms spread; *turn around on the spot with both arms out; "
        "*dance and *spin around; *twirl with outstretched arms"
    ),
    "spin around with the arms in front": forms(
        "*spin around with the arms in front; *turn around once on the spot; *swing both arms "
        "while spinning around; *make a full turn with both arms held out"
    ),
    "get up from the stomach": forms(
        "*get up from the stomach; *push up from the floor and *stand up; *lie face down and "
        "then *get up; *stand up after lying face down"
    ),
    "get up from the back": forms(
        "*get up from the back; *lie on the back and then *stand up; *sit up from the floor "
        "and *stand up; *get up off the floor"
    ),
    "jog": forms("*jog; *jog forward; *run forward slowly; *jog in a straight line"),
    "run": forms("*run; *run forward; *run straight ahead; *run fast"),
    "dash": forms(
        "*sprint; *sprint forward; *run as fast as possible; *dash forward at full speed"
    ),
    "walk": forms("*walk; *walk forward; *walk in a straight line; *take several steps forward"),
    "walk like a zombie": forms(
        "*walk like a zombie; *walk with both arms held out like a zombie; *stumble forward "
        "like a zombie; *walk stiffly with raised arms"
    ),
    "walk in a deep crouch": forms(
        "*walk in a deep crouch; *walk forward crouched down; *walk forward with bent knees, "
        "keeping low; *move forward while crouching"
    ),
    "sneak": forms(
        "*sneak; *sneak forward; *creep forward slowly; *walk stealthily with bent knees"
    ),
    "jump forward": forms(
        "*jump forward; *jump forward with both feet; *crouch and *jump forward; *leap "
        "forward and *land"
    ),
    "jump": forms(
        "*jump; *jump up; *jump up and *land in a crouch; *bend the knees and *jump into the air"
    ),
    "jump for joy": forms(
        "*jump for joy; *jump up with the right arm raised; *leap into the air and *punch the "
        "air with the right hand; *celebrate with a jump"
    ),
    "land from a jump": forms(
        "*land from a jump; *come down from a jump and *crouch; *land in a deep crouch and "
        "*stand up; *drop to the ground and *stand up"
    ),
    "kick high with the right leg": forms(
        "*kick high with the right leg; *step forward and *do a high side kick; *kick high to "
        "the side with the right foot; *do a karate kick with the right leg"
    ),
    "kick with the right leg": forms(
        "*kick with the right leg; *kick forward with the right foot; *do front kicks with "
        "the right leg; *swing the right leg forward in a kick"
    ),
    "step forward and punch with the right hand": forms(
        "*step forward and *punch with the right hand; *lunge forward with a punch; *throw a "
        "right punch while stepping forward; *move forward and *strike with the right fist"
    ),
    "punch with the right hand": forms(
        "*punch with the right hand; *throw punches with the right hand; *punch forward with "
        "the right fist; *box with the right hand from a fighting stance"
    ),
    "punch with the left hand": forms(
        "*punch with the left hand; *throw jabs with the left hand; *punch forward with the "
        "left fist; *box with the left hand from a fighting stance"
    ),
    "do a forward roll": forms(
        "*do a forward roll; *roll forward over the shoulders and *stand up; *do a somersault "
        "on the ground; *crouch, *roll forward and *get up"
    ),
    "dive into a forward roll": forms(
        "*dive into a forward roll; *dive forward, *roll and *stand up; *leap forward and "
        "*roll over the ground; *do a diving roll"
    ),
    "do a side flip": forms(
        "*do a side flip; *flip sideways through the air; *jump and *flip over to the side; "
        "*do an aerial somersault to the side"
    ),
    "do a butterfly kick": forms(
        "*do a butterfly kick; *jump and *spin through the air with the legs kicked up; *take "
        "a few steps, *leap and *twist in the air; *spin with the body level in the air and "
        "*land"
    ),
    "do a jumping spin kick": forms(
        "*do a jumping spin kick; *jump, *spin and *kick; *leap into a spinning kick; *turn "
        "in the air and *kick with the right leg"
    ),
    "swing both arms wildly": forms(
        "*swing both arms wildly; *swing both arms from side to side; *flail both arms in "
        "anger; *throw both arms around angrily"
    ),
    "bow with the palms together": forms(
        "*bow with the palms together; *put the palms together and *bow; *hold both hands "
        "together in front and *bow; *bow politely with joined hands"
    ),
    "scratch the head": forms(
        "*scratch the head; *raise the right hand to the head; *scratch the head with the "
        "right hand as if confused; *put the right hand on the head in confusion"
    ),
    "eat or drink something": forms(
        "*eat or *drink something; *bring a hand to the mouth; *raise one hand to the face as "
        "if drinking; *take a sip from something"
    ),
    "sway as if dizzy": forms(
        "*sway as if dizzy; *sway around in circles; *wobble on the spot; *stand unsteadily "
        "as if dizzy"
    ),
    "stand in a fighting stance": forms(
        "*stand in a fighting stance; *hold up both fists, ready to fight; *stand with raised "
        "fists like a boxer; *shift weight in a boxing stance"
    ),
    "take a fighting stance": forms(
        "*take a fighting stance; *raise both fists; *put up both hands to fight; *get into a "
        "boxing stance"
    ),
    "wave the right hand": forms(
        "*wave the right hand; *wave with the right hand; *raise the right arm and *wave; "
        "*greet with the right hand"
    ),
    "do jumping jacks": forms(
        "*do jumping jacks; *do a few jumping jacks; *jump with arms and legs going out and "
        "in; *perform jumping jacks; *exercise with jumping jacks"
    ),
    "do push-ups": forms(
        "*do push-ups; *do a few push-ups on the floor; *do push-ups on hands and toes; *push "
        "the body up and down from the floor; *perform push-ups"
    ),
    "do sit-ups": forms(
        "*do sit-ups; *do a few sit-ups on the floor; *lie on the back and *do sit-ups; "
        "*raise and *lower the upper body in sit-ups; *perform sit-ups with the hands at the "
        "head"
    ),
    "shake both hands to refuse": forms(
        "*shake both hands to refuse; *hold both hands up in front and *shake them; *gesture "
        "no with both hands; *refuse something with both hands raised"
    ),
    "throw something": forms(
        "*throw something; *throw something with the right hand; *throw an object forward; "
        "*swing the right arm and *throw a ball"
    ),
    "raise the right fist": forms(
        "*raise the right fist; *lift the right fist with the left hand on the hip; *pump the "
        "right fist; *raise the right hand in victory"
    ),
    "fall down on the back": forms(
        "*fall down on the back; *collapse and *fall backward; *fall backward to the ground "
        "and *lie still; *drop to the floor and *lie on the back"
    ),
    "kneel down and work on something": forms(
        "*kneel down and *work on something; *kneel down on one knee, then *stand up; *kneel "
        "and *fix something on the ground; *go down on one knee and *use both hands near the "
        "floor"
    ),
    "talk with gestures": forms(
        "*talk with gestures; *stand and *talk; *gesture with both hands while talking; "
        "*stand and *move the hands as if talking"
    ),
    "reach forward with the left hand": forms(
        "*reach forward with the left hand; *stretch out the left arm in front; *extend the "
        "left hand to touch something; *push a button with the left hand"
    ),
    "pick something up from a table": forms(
        "*pick something up from a table; *reach down with the left hand and *take something; "
        "*grab something from a table; *lean forward and *pick something up with the left "
        "hand"
    ),
    "bend down and pick something up": forms(
        "*bend down and *pick something up; *crouch and *pick something up from the ground; "
        "*bend the knees to pick something up; *pick up an object from the floor"
    ),
    "push something heavy": forms(
        "*push something heavy; *push a heavy object forward; *lean forward and *push with "
        "both arms; *walk forward slowly while pushing with both hands"
    ),
    "sit down": forms("*sit down; *sit down on a chair; *take a seat; *lower onto a chair"),
    "sit down and stand up": forms(
        "*sit down and *stand up; *sit down on a chair and *stand up again; *take a seat, "
        "then *get up; *sit on a chair for a moment and then *stand up"
    ),
    "stand up from a chair": forms(
        "*stand up from a chair; *get up from a chair; *stand up from sitting; *rise from a seat"
    ),
    "sit and talk": forms(
        "*sit and *talk; *sit on a chair and *talk; *gesture while sitting; *sit and *move "
        "the hands while talking"
    ),
    "sit down on the floor": forms(
        "*sit down on the floor; *sit down on the ground; *get down to the floor and *sit; "
        "*crouch down and *sit on the ground"
    ),
    "sit on the floor and stand up": forms(
        "*sit down on the floor and *stand up; *sit down on the ground and then *get up; *sit "
        "on the floor for a moment, then *stand up; *lower to the floor and *rise again"
    ),
    "stand up from the floor": forms(
        "*stand up from the floor; *get up from the ground; *stand up after sitting on the "
        "floor; *rise from sitting on the ground"
    ),
    "swim": forms(
        "*swim; *swim forward; *swim breaststroke; *pull with both arms and *kick as if swimming"
    ),
    "tread water": forms(
        "*tread water; *float upright in water; *move arms and legs slowly as if in water; "
        "*stay afloat with slow kicks"
    ),
    "draw a bow": forms(
        "*draw a bow; *draw a bow and *aim; *pull back the string of a bow with the right "
        "hand; *shoot with a bow and arrow"
    ),
    "cheer": forms(
        "*cheer; *cheer with both arms up; *raise both arms and *cheer; *celebrate with both "
        "hands in the air"
    ),
    "lie down": forms(
        "*lie down; *lie down on the floor; *sit down and *lie back; *go down to the ground "
        "and *lie on the back"
    ),
    "lie down and get up": forms(
        "*lie down and *get up; *lie down on the floor and then *stand up; *sit down, *lie "
        "back and *stand up again; *lie on the back for a moment and then *get up"
    ),
}
