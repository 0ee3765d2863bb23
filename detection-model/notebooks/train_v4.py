# %% [markdown]
# # v4: a face, a pretrained network, and fakes made for the purpose
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/ml-deepfake-detection/ml-deepfake-detection/blob/main/detection-model/notebooks/train_v4.ipynb)
#
# v1 to v3 look at whole images, know nothing when they start, and see fakes of the kinds in the
# data alone. v4 does three things otherwise. You learn
#
# - why a network that has seen a million photographs of anything makes the better start,
# - how a fake can be made of a single photograph, and why it teaches more than a thousand
#   finished fakes of one kind,
# - why every face is cut out in the same way, in training and behind the web page.
#
# The steps are those of [train_v1](train_v1.ipynb), where each is explained at greater length.
#
# Run the cells from top to bottom. On two processor cores an epoch of 8,192 images takes four to
# five minutes, all 40 of them some three hours; without data, drawings stand in.
#
# ## 1. Set up
#
# In Colab this cell installs the project's package; elsewhere you have installed it from
# `detection-model/requirements/`.

# %%
import sys

IN_COLAB = "google.colab" in sys.modules
if IN_COLAB:
    print("Installing deepfake-detection")
    # # # %pip install -q "deepfake-detection[notebook] @ git+https://github.com/ml-deepfake-detection/ml-deepfake-detection#subdirectory=detection-model"

# %% [markdown]
# These are the things to turn. Everything else follows from them.

# %% tags=["parameters"]
from pathlib import Path

NETWORK = "v4"
EPOCHS = None  # a number, or None for as many as the network is meant to have
DATA = None  # folder that holds Dataset/{Train,Validation,Test}/{Fake,Real}; None: look for it
PORTRAITS = None  # folder of generated portraits for the diffusion test; None: drawings
PHOTOGRAPHS = None  # folder of more photographs of faces, to make blends of
RESUME = False  # True: go on with a training that was interrupted
ROOT = Path("ml-deepfake-detection") if IN_COLAB else Path("../..")  # of the repository

# %% [markdown]
# All the work is done by the package `deepfake_detection`; the notebook calls it, draws and
# explains. The last line tells whether TensorFlow sees a GPU and which number format it will
# compute in: 16 bits where the machine is fast at that, 32 elsewhere.

# %%
import random

import tensorflow as tf

from deepfake_detection import tables
from deepfake_detection.image import Card
from deepfake_detection.inference import default_cache, load_network
from deepfake_detection.inference.diffusion_test import PROMPTS, diffusion_test
from deepfake_detection.training import plots
from deepfake_detection.training.cards import evaluate_network, with_evaluation
from deepfake_detection.training.dataset import SPLITS, count_by_source, read_split
from deepfake_detection.training.evaluate import calibrate, score_images
from deepfake_detection.training.feeds import pair_sampler
from deepfake_detection.training.find_data import find_data, find_portraits
from deepfake_detection.training.metrics import confident_mistakes
from deepfake_detection.training.near_duplicates import near_duplicates
from deepfake_detection.training.networks import RECIPES, optimizer_variable_count
from deepfake_detection.training.precision import resolve_precision
from deepfake_detection.training.publish import publish
from deepfake_detection.training.runs import options_for
from deepfake_detection.training.train import train

WORKSPACE = ROOT / "detection-model" / "workspace"
SERVED = ROOT / "webapp-backend" / "workspace"
len(tf.config.list_physical_devices("GPU")), resolve_precision("auto", bfloat16=False)

# %% [markdown]
# ## 2. Find the data
#
# The images lie in `Dataset/{Train,Validation,Test}/{Fake,Real}`. The cell takes the folder you
# gave, else the one in the workspace, else asks Kaggle for the set this project is about
# (1.7 GB). If there is none of them, it draws portraits, so that you can follow every step,
# and says so in red.

# %%
data = find_data(DATA, workspace=WORKSPACE)
data.describe()

# %% [markdown]
# Who is in the three splits? A network trained on far more fakes than photographs would learn
# to say "fake", so look at the counts first. A source is a place where images come from, if a
# `manifest.csv` tells it.

# %%
splits = {split: read_split(data.folder, split) for split in SPLITS}
{split: count_by_source(images) for split, images in splits.items()}

# %% [markdown]
# Then look at the images themselves, twelve of them. Would you have known? Whatever you notice
# that has nothing to do with faking (a frame, a blur, another camera) the network will notice
# too.

# %%
plots.images(random.Random(0).sample(splits["Train"], 12))

# %% [markdown]
# The same person in Train and in Test would make the test too easy. A perceptual hash finds
# images that are nearly the same; the fewer pairs across splits, the more the test means.
# Pooling this set and cutting it anew is how one reaches 99 % on paper. (The drawings all look
# alike to the hash.)

# %%
pairs = near_duplicates(splits)
tables.duplicates_table(f"{len(pairs)} pairs across splits; the nearest", pairs[:5])

# %% [markdown]
# ## 3. Build the network
#
# EfficientNet-Lite0 is made for phones: few parameters, and nothing that a processor is slow at.
# Its classifier of a thousand things gives way to one unit. Batch normalisation is folded into the
# convolutions: training is twice as fast so.

# %%
recipe = RECIPES[NETWORK]
network = recipe.build()
network.summary()

# %% [markdown]
# It has fewer parameters than v1 and does some forty times the work with them: most of v1's lie
# in one dense layer, v4's in filters that pass over the whole face. AdamW keeps two variables for
# each parameter and counts its steps.

# %%
network.compile(optimizer=recipe.optimizer(1, 1))
network.optimizer.build(network.trainable_variables)
print(f"The network's own parameters: {network.count_params():>10,}")
print(f"AdamW's variables, in training: {optimizer_variable_count(network):>9,}")

# %% [markdown]
# ## 4. Train it
#
# First look at what it will see. Every photograph comes with a fake of the same origin: a labelled
# one, or a *blend*. A blend is made of the photograph itself: its face is changed a little (colour,
# sharpness, place) and pasted back through a soft mask, or another face is fitted over it. What
# is left is the trace that most face swaps share, the seam, and nothing by which one generator
# could be told. Crop, compression, blur and noise vary in the same way on both sides.

# %%
options = options_for(
    NETWORK,
    data=data.folder,
    output=WORKSPACE,
    name=data.name_for(NETWORK),
    epochs=EPOCHS,
    resume=RESUME,
    data_name=data.name,
    data_licence=data.licence,
    photographs=PHOTOGRAPHS,
)
plots.pairs(pair_sampler(options), 6)

# %% [markdown]
# `train` finds the largest face of every image, starts from what ImageNet taught, and draws new
# pairs at every step. The learning rate rises, then falls to nothing, twice; from its second rise
# on the pairs are harder: faces of any origin in each other's place, covered rectangles. The
# weights of that stage's epoch that ranks Validation best are exported with a *card*, which says
# that the network wants faces, and calibrated: 0.5 is the boundary, and 0.8 means four fakes in
# five. What is exported looks at each face and at its mirror image too and answers the mean. The
# terminal's `deepfake train v4` does the same.

# %%
exported = train(options)

# %% [markdown]
# ## 5. Read the curves
#
# Dashed is Train, solid is Validation, the dot is the epoch that was kept. Here Train may well lie
# *below* Validation: half of its fakes are blends, and most of its images are degraded, while
# Validation holds the images as they are.

# %%
card = Card.load(exported.with_suffix(".json"))
plots.training_curves({card.name: card.training})

# %% [markdown]
# ## 6. Measure it on images it has never seen
#
# Test took no part in training, in choosing the epoch or in calibration. The network runs here
# as it does behind the web page, and each figure comes per source and over all. *Precision*: of
# those called fake, how many are. *Recall*: of the fakes, how many are found. *AUC*: how
# often a fake scores above a photograph, whatever the threshold. The last line writes the
# figures into the card.

# %%
network = load_network(exported, default_cache())
evaluation = evaluate_network(network, data.folder, "Test", data_name=data.name, robustness=True)
with_evaluation(network, evaluation).save(exported.with_suffix(".json"))
tables.scores_table(f"{card.name} on Test", evaluation.sources)

# %% [markdown]
# A measurement on other images would have come out otherwise. The bars span what 95 of 100 such
# draws would give; two networks whose bars overlap are not proven to differ.

# %%
plots.by_source({card.name: evaluation})

# %% [markdown]
# The confusion matrix counts all four outcomes. Which mistake is worse, a photograph called fake
# or a fake that passes? That depends on the use, not on the network.

# %%
plots.confusion(evaluation.sources["all"])

# %% [markdown]
# The ROC curve moves the threshold through all its values: how many photographs must one accuse
# wrongly to find how many fakes?

# %%
plots.roc_curves({card.name: evaluation})

# %% [markdown]
# Reliability asks whether the probability means what it says: of the images scored around 0.8,
# four in five should be fakes. A curve flatter than the diagonal is too sure of itself.

# %%
plots.reliability({card.name: evaluation})

# %% [markdown]
# ## 7. Treat the images as the world does
#
# Photographs are compressed, shrunk and captured from screens before anyone asks about them. The
# table and the figure repeat the test after each such change; a network that clings to the
# finest traces falls here.

# %%
tables.scores_table(f"{card.name} on altered images", evaluation.robustness)

# %%
plots.robustness({card.name: evaluation})

# %% [markdown]
# ## 8. Look at its worst mistakes
#
# These were judged wrongly with the greatest certainty. Look for what they share.

# %%
scored = score_images(network, splits["Test"])
p = calibrate(network, scored.raw)
worst = confident_mistakes(p, scored.labels, 12)
captions = [f"{'fake' if scored.labels[i] else 'real'}, scored {p[i]:.3f}" for i in worst]
plots.images([scored.images[i] for i in worst], captions)

# %% [markdown]
# ## 9. The diffusion test
#
# The networks learn from swapped and generated faces of some years ago. Do they recognise what
# a diffusion model draws today? These five prompts describe the portraits to try; have
# them drawn by any generator and put the images into a folder.

# %%
for title, prompt in PROMPTS.items():
    print(f"{title}: {prompt}\n")

# %% [markdown]
# Add photographs too, as `Real/` beside `Fake/`: a network that calls everything fake finds five
# of five. Without a folder, ten drawings stand in and the outcome means nothing.

# %%
portraits = diffusion_test(network, find_portraits(PORTRAITS, workspace=WORKSPACE))
if len({portrait.is_fake for portrait in portraits}) == 1:
    print("Only one class: do not trust the count below before you have added the other.")
tables.portraits_table(f"Diffusion test of {card.name}", portraits)

# %% [markdown]
# ## 10. Publish it
#
# Training has written `NAME.keras` and its card `NAME.json`. Publishing copies both, with the
# TensorBoard logs, to where the web application looks; `deepfake publish` in a terminal does the
# same. A network trained on drawings goes by a name of its own, beside the real ones.

# %%
publish(card.name, WORKSPACE, SERVED)

# %% [markdown]
# ## 11. Serve it
#
# In the repository's root, `make run` starts the page (in Colab, first download the two files
# into `webapp-backend/workspace/model/` of a clone). A page that is running already lists the new
# network by itself: nothing is edited, nothing restarted.
#
# Next: [compare_models](compare_models.ipynb) puts all networks side by side.
