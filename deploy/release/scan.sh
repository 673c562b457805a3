#!/usr/bin/env bash
# Scans an image of the registry for known vulnerabilities, and fails on a critical one, or on a high one that has a repair.
#   deploy/release/scan.sh REGISTRY/IMAGE:TAG
set -euo pipefail
image=$1

scan=$(gcloud artifacts docker images scan "$image" --remote --format='value(response.scan)')
found=$(gcloud artifacts docker images list-vulnerabilities "$scan" \
  --format='csv[no-heading](vulnerability.effectiveSeverity,vulnerability.fixAvailable,vulnerability.shortDescription)')

stopped=0
while IFS=, read -r severity repaired name; do
  if [[ $severity == CRITICAL || ($severity == HIGH && $repaired == True) ]]; then
    echo "$severity $name (repair: ${repaired:-unknown})"
    stopped=1
  fi
done <<<"$found"
if ((stopped)); then
  echo "The image stays where it is. Take a newer base image or package, and build again."
  exit 1
fi
echo "Nothing in $image stops the release."
