#!/usr/bin/env bash
# Asks a deployed service what every release must answer: alive, ready, closed to strangers, no metrics for the public.
#   PROJECT=... REGION=... SERVICE=... [TAG=candidate] deploy/release/smoke.sh
#   deploy/release/smoke.sh https://service.example        the same of an address
set -euo pipefail

if (($# > 0)); then
  url=$1
else
  rows=$(gcloud run services describe "${SERVICE:?}" --project="${PROJECT:?}" --region="${REGION:?}" \
    --flatten='status.traffic[]' --format='csv[no-heading](status.traffic.tag,status.traffic.url,status.url)')
  url=$(awk -F, -v tag="${TAG:-}" 'tag == "" { print $3; exit } $1 == tag { print $2; exit }' <<<"$rows")
fi
: "${url:?There is no such address}"

failed=0
# expect PATH STATUS [TEXT]: tried for a while, since a new instance may be on its way.
expect() {
  local answer status
  for _ in 1 2 3 4 5; do
    answer=$(curl --silent --show-error --max-time 10 --write-out '\n%{http_code}' "$url$1" || true)
    status=${answer##*$'\n'}
    if [[ $status == "$2" && $answer == *"${3:-}"* ]]; then
      echo "ok   $1 $status"
      return
    fi
    sleep "${PAUSE_SECONDS:-3}"
  done
  echo "FAIL $1 ${status:-no answer}, expected $2 ${3:-}"
  failed=1
}

expect /health 200 '"status":"healthy"'
expect /health/live 200 '"status":"alive"'
expect /health/ready 200 '"status":"ready"'
expect /openapi.json 200 '"openapi":"3.1'
expect /v1/organization 401
expect /metrics 404
exit "$failed"
