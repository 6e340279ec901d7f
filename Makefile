# On a machine without ROS: `make demo` and `make test` put ROS 2 and all else they need in .venv.
# On a machine with ROS, colcon builds this package like any other.

PYTHON ?= python3
INPUT ?=
VENV := .venv
BIN := $(VENV)/bin
TREE := $(VENV)/build

# .venv is the ROS prefix. Nothing comes from a ROS that the calling shell has sourced.
unexport PYTHONHOME PYTHONPATH LD_LIBRARY_PATH RMW_IMPLEMENTATION _ROS_WHEELS_BOOTSTRAP_COMPLETE
export AMENT_PREFIX_PATH := $(CURDIR)/$(VENV)
export CMAKE_PREFIX_PATH := $(AMENT_PREFIX_PATH)
export PATH := $(CURDIR)/$(BIN):$(PATH)
export ROS_AUTOMATIC_DISCOVERY_RANGE := LOCALHOST

.PHONY: help build demo test clean

help:
	@echo 'make demo INPUT=...  send pictures, a video, a bag or a camera through the node'
	@echo 'make test            check the format, the types and the tests'
	@echo 'make build           only set up .venv and build the package into it'
	@echo 'make clean           remove .venv'

build: $(VENV)/.installed

demo: export FASTRTPS_DEFAULT_PROFILES_FILE := $(CURDIR)/config/fastdds_large_images.xml
demo: build
	$(BIN)/hand-pose demo $(if $(INPUT),"$(INPUT)")

test: build
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/pytest --numprocesses 2 --dist loadfile --ignore test/training
	# Training forks, which a process with threads left by ROS may not survive.
	$(BIN)/pytest --numprocesses 2 --dist loadfile test/training

clean:
	rm -rf $(VENV)

$(VENV)/.requirements: setup.py
	@test "$$(uname -sm)" = 'Linux x86_64' || \
	  { echo 'PyPI has ROS 2 for Linux on x86-64 only; here, use a ROS installation and colcon.'; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install setuptools
	$(BIN)/python -c 'import setup as s; print(*s.REQUIREMENTS, *s.EXTRAS["ros"], *s.EXTRAS["train"], \
	  *s.EXTRAS["dev"], sep="\n")' > $(VENV)/requirements.txt
	$(BIN)/pip install -r $(VENV)/requirements.txt
	$(BIN)/pip install $$($(BIN)/python -c 'import setup as s; print(*s.EXTRAS["test-tensorrt"])') || \
	  echo 'TensorRT-RTX does not install here: its tests are skipped.'
	touch $@

$(VENV)/.built: $(VENV)/.requirements CMakeLists.txt package.xml $(wildcard msg/*.msg)
	cmake -S . -B $(TREE) -G Ninja -DAMENT_CMAKE_SYMLINK_INSTALL=ON -DBUILD_TESTING=OFF \
	  -DCMAKE_INSTALL_PREFIX=$(CURDIR)/$(VENV) -DPython3_EXECUTABLE=$(CURDIR)/$(BIN)/python \
	  -DHAND_POSE_PYTHON=$(CURDIR)/$(BIN)/python
	cmake --build $(TREE)
	touch $@

# The installed files are links to this folder, so that an edit needs no build. A folder changes when
# a file is added or removed: then the links are made anew.
$(VENV)/.installed: $(VENV)/.built $(shell find config hand_pose_ros launch -type d ! -name __pycache__)
	cd $(TREE) && cmake --install . > install.log
	find $(VENV)/lib/python3*/site-packages/hand_pose_ros $(VENV)/share/hand_pose_ros -xtype l -delete
	touch $@
