# Every target is a thin line over a command one could type.
DATA ?= detection-model/workspace/data
DATA_NAME ?=
DATA_LICENCE ?= unknown
OUTPUT ?= detection-model/workspace
VENV := .venv
BIN := $(VENV)/bin

.PHONY: train
train: ## Train v1, v2 and v3 on DATA
	for network in v3 v1 v2; do $(BIN)/deepfake train $$network --data "$(DATA)" --output "$(OUTPUT)" --data-name "$(DATA_NAME)" --data-licence "$(DATA_LICENCE)" || exit 1; done
