#!/bin/sh
# Measures pages for each processor second beside markitdown and pdftotext, all in
# one run: `bench/pages/run.sh FOLDER_OF_PDFS --rounds 5`. Installs markitdown into
# target/pages; pdftotext is poppler's, and is left out where it is not installed.
set -eu
cd "$(dirname "$0")/../.."
cache=$PWD/target/pages
if ! [ -x "$cache/venv/bin/markitdown" ]; then
    python3 -m venv "$cache/venv"
    "$cache/venv/bin/pip" install -q 'markitdown[pdf]==0.1.9'
fi
cargo build --release --workspace
exec target/release/milepost-bench pages --python "$cache/venv/bin/python" "$@"
