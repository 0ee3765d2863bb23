# %% [markdown]
# # All networks side by side
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/ml-deepfake-detection/ml-deepfake-detection/blob/main/detection-model/notebooks/compare_models.ipynb)
#
# Every trained network has a card that holds its training log and its measurements. Here you lay
# the cards next to each other; no image and no network is loaded, so it takes seconds. You
# learn
#
# - what overfitting looks like when it is held back and when it is not,
# - why one accuracy says little without its source and its interval,
# - which network keeps its wits when images are compressed.
#
# ## 1. Collect the cards
#
# In Colab this cell installs the project's package and fetches the published cards with it;
# elsewhere you have both.

# %%
import sys

IN_COLAB = "google.colab" in sys.modules
if IN_COLAB:
    print("Installing deepfake-detection")
    # # %pip install -q "deepfake-detection[notebook] @ git+https://github.com/ml-deepfake-detection/ml-deepfake-detection#subdirectory=detection-model"
    # # !test -d ml-deepfake-detection || git clone -q --depth 1 https://github.com/ml-deepfake-detection/ml-deepfake-detection

# %% [markdown]
# The cards of the published networks lie beside them in the web application's workspace, those of
# networks you have just trained in the training workspace. A third folder may be added.

# %% tags=["parameters"]
from pathlib import Path

ROOT = Path("ml-deepfake-detection") if IN_COLAB else Path("../..")  # of the repository
MORE_CARDS = None  # another folder with cards

# %% [markdown]
# Where a network lies in both, the one you trained last is shown.

# %%
from IPython.display import display

from deepfake_detection import tables
from deepfake_detection.training import plots
from deepfake_detection.training.cards import measured_on, read_cards

folders = [ROOT / "webapp-backend/workspace/model", ROOT / "detection-model/workspace/models"]
cards = read_cards([*folders, *([MORE_CARDS] if MORE_CARDS else [])])
print(f"{len(cards)} networks: {', '.join(cards)}" if cards else "No cards: run train_v1 first.")

# %% [markdown]
# ## 2. What they are
#
# The network's own parameters travel in the file. The optimizer's variables exist while it
# trains only; for Adam there are two for each parameter and two more.

# %%
tables.networks_table(cards)

# %% [markdown]
# ## 3. The overfitting story
#
# Dashed is Train, solid is Validation, a dot marks the epoch that was exported. Two signs tell
# learning by heart from learning: the dashed and the solid accuracy part, and the solid loss
# turns upwards while the dashed one still falls. v1 has no dropout; v2 and v3 have it, which
# also makes their dashed curves look worse than they are, for Train is scored with half the
# units switched off.

# %%
records = {
    name: card.training for name, card in cards.items() if card.training and card.training.history
}
plots.training_curves(records)

# %% [markdown]
# The same in numbers: the gap between the accuracies in the last epoch, and by how much the
# Validation loss had risen by then above its lowest.

# %%
tables.overfitting_table(records)

# %% [markdown]
# ## 4. On images none of them has seen
#
# Networks are compared on the same Test images only. A card may hold several measurements; here
# are those on each data set, by network and source, at the threshold of 0.5.

# %%
tests = measured_on(cards, "Test")
for data, evaluations in tests.items():
    rows = {
        f"{name}, {source}": scores
        for name, evaluation in evaluations.items()
        for source, scores in evaluation.sources.items()
    }
    display(tables.scores_table(data, rows))

# %% [markdown]
# Photographs alone, without fakes, show how many are accused wrongly; an AUC or a curve needs both.

# %%
labelled = {
    data: evaluations
    for data, evaluations in tests.items()
    if all(evaluation.roc for evaluation in evaluations.values())
}

# %% [markdown]
# The bars are 95 % intervals. Where two of them overlap, this test does not tell which network
# is better, however the dots lie. And look at the sources one by one: a fine figure for all
# may be the sum of an easy source and a guess.

# %%
for evaluations in labelled.values():
    display(plots.by_source(evaluations))

# %% [markdown]
# AUC asks the same of the ranking alone, whatever the threshold.

# %%
for evaluations in labelled.values():
    display(plots.by_source(evaluations, "auc"))

# %% [markdown]
# ROC curves show the choice that each network leaves: few photographs accused wrongly, or many
# fakes found.

# %%
for evaluations in labelled.values():
    display(plots.roc_curves(evaluations))

# %% [markdown]
# ## 5. Do their probabilities mean what they say?
#
# On the diagonal, of the images scored 0.8 four in five are fakes. All networks were calibrated
# on Validation, so what remains is what calibration could not carry over.

# %%
for evaluations in labelled.values():
    display(plots.reliability(evaluations))

# %% [markdown]
# ## 6. Do they withstand the world?
#
# AUC after compression, shrinking, blur, noise, brightness, and a screenshot. A steep fall means
# that a network looks at traces that do not survive being sent around.

# %%
for evaluations in labelled.values():
    if any(evaluation.robustness for evaluation in evaluations.values()):
        display(plots.robustness(evaluations))

# %% [markdown]
# ## 7. What to conclude
#
# Ask of your own figures: Is the best network still the best in every source? Are the intervals
# apart? Was it trained on images like those you will show it? If one answer is no, the honest
# word for the difference is "perhaps". What a network does on kinds of fakes that none of the
# sources holds, no figure on this page can tell.
