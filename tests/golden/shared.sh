#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# shared.sh [--update] FAULTLINE CAPTURES EXPECTED    compare 'faultline shared' on recordings with EXPECTED
#
# Only the findings: the lines about coverage are the scan's and change with it.
set -eu

update=no
if [ "$1" = --update ]; then
	update=yes
	shift
fi
faultline=$1
captures=$2
expected=$3

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/scans"
for file in "$captures"/*.pcap.gz; do
	host=$(basename "$file" .pcap.gz)
	"$faultline" scan -r "$file" --host "$host" -o "$folder/scans/$host.json" 2>"$folder/said" ||
		{ cat "$folder/said"; exit 1; }
done
"$faultline" shared "$folder/scans" | sed '/^seen:/,$d' >"$folder/shared.txt"
if [ $update = yes ]; then
	cp "$folder/shared.txt" "$expected"
	exit 0
fi
diff -u "$expected" "$folder/shared.txt" || { echo "when the new text is right: $0 --update"; exit 1; }
