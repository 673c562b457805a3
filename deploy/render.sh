#!/usr/bin/env bash
# Prints a definition with its ${NAMES} taken from the environment: deploy/render.sh deploy/cloudrun/service.yaml
# Fails when one of them is not set, since a service without its address starts nowhere.
set -euo pipefail
text=$(<"$1")
while [[ $text =~ \$\{([A-Z_]+)\} ]]; do
  name=${BASH_REMATCH[1]}
  [[ -v $name ]] || { echo "$name is not set" >&2; exit 1; }
  text=${text//"\${$name}"/"${!name}"}
done
printf '%s\n' "$text"
