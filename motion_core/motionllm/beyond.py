"""Requests that captions of one person's motion cannot answer, to calibrate `KnownCaptions` on.

Instruments, animals, vehicles, other languages, nonsense and things that need other things or
people. Written once, before any was measured.
"""

from __future__ import annotations

BEYOND = tuple(
    """
a person plays the harp
someone plays the trombone
a man plays the accordion
a person plays the cello with a bow
she plays the saxophone on a stage
a person plays the bagpipes
he rings a church bell
an eagle flies over the mountains
a bird flies up to its nest
a dragon breathes fire and takes off
a butterfly lands on a flower
a fish swims through a coral reef
a snake slithers through the grass
a horse gallops across the meadow
a spider weaves its web
a kangaroo carries its baby
a whale jumps out of the ocean
una persona camina hacia adelante
la persona salta y luego se sienta
eine Person geht vorwärts und winkt
ein Mann hebt einen schweren Stein auf
une personne marche lentement vers la gauche
le danseur tourne sur lui-même
uma pessoa caminha para frente
una persona corre e poi si ferma
en person går framåt
iemand loopt naar voren
osoba idzie do przodu
一个人向前走
一个人坐在椅子上
человек идёт вперёд
人が前に歩く
رجل يمشي إلى الأمام
한 사람이 걷고 있다
the meaning of justice
colourless green ideas sleep furiously
inflation rises by two percent
a theorem is proved by induction
the square root of minus one
democracy in the nineteenth century
write me a poem about autumn
what is the capital of France
import numpy as np
asdf qwer zxcv
lorem ipsum dolor sit amet
the stock market crashes
a quarterly budget report
photosynthesis in green plants
a man drives a car through the city
someone rides a motorcycle on the highway
a train arrives at the station
a pilot lands an airplane
a rocket launches into space
a helicopter hovers above a building
he parks his truck behind the house
a ship sails across the sea
a person rides a bicycle up a hill
a skier races down a snowy slope
a surfer rides a big wave
a woman knits a sweater
a surgeon operates on a patient
a couple kisses at their wedding
a man shaves his beard
a tailor sews a dress
    """.strip().splitlines()
)
