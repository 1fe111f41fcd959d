#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# golden.sh FAULTLINE CASE FORM...       compare the reports of CASE/*.json with CASE/expected/report.FORM
# golden.sh --update FAULTLINE CASE FORM...   write them
#
# A case with a folder before/ also reports what changed since. Byte for byte: same input, same bytes.
set -eu

update=no
if [ "$1" = --update ]; then
	update=yes
	shift
fi
faultline=$1
case=$2
shift 2

since=
[ -d "$case/before" ] && since="--since=$case/before"
if [ $update = yes ]; then
	mkdir -p "$case/expected"
	for form in "$@"; do
		"$faultline" report "$case" $since -o "$case/expected/report.$form"
	done
	exit 0
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failed=0
for form in "$@"; do
	"$faultline" report "$case" $since -o "$folder/report.$form" >"$folder/said"
	if [ "$(cat "$folder/said")" != "$folder/report.$form" ]; then
		echo "standard output is not just the report's path:"
		cat "$folder/said"
		failed=1
	fi
	diff -u "$case/expected/report.$form" "$folder/report.$form" || failed=1
done
[ $failed = 0 ] || echo "when the new text is right: meson compile update-golden"
exit $failed
