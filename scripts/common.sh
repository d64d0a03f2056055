# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Sourced by the scripts beside it, in the root of the repository.

say() { printf '\n== %s (%d s)\n' "$*" "$SECONDS"; }

# make_venv <folder>: the Python environment of the tests and examples, made by Debian's python3 and kept between runs.
make_venv() {
  local venv=$1 requirements=scripts/requirements.txt
  if ! cmp -s "$requirements" "$venv/installed.txt"; then
    /usr/bin/python3 -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements"
    cp "$requirements" "$venv/installed.txt"
  fi
}

# configure_preset <preset> [cmake argument]...: configures build/<preset>.
configure_preset() { cmake --preset "$@"; }

# build_preset <preset> [target]...: builds build/<preset>.
build_preset() {
  local preset=$1
  shift
  cmake --build "build/$preset" --parallel "$(nproc)" ${1:+--target "$@"}
}
