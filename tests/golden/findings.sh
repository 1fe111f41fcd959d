#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# findings.sh [--update] FAULTLINE COMMAND CAPTURES EXPECTED    compare 'faultline COMMAND' on recordings with EXPECTED
#
# Only the findings: the lines about coverage are the scan's and change with it.
set -eu

update=no
if [ "$1" = --update ]; then
	update=yes
	shift
fi
faultline=$1
command=$2
captures=$3
expected=$4

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/scans"
for file in "$captures"/*.pcap.gz; do
	host=$(basename "$file" .pcap.gz)
	"$faultline" scan -r "$file" --host "$host" -o "$folder/scans/$host.json" 2>"$folder/said" ||
		{ cat "$folder/said"; exit 1; }
done
"$faultline" "$command" "$folder/scans" | sed '/^seen:/,$d' >"$folder/findings.txt"
if [ $update = yes ]; then
	cp "$folder/findings.txt" "$expected"
	exit 0
fi
diff -u "$expected" "$folder/findings.txt" || { echo "when the new text is right: $0 --update"; exit 1; }
