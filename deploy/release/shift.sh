#!/usr/bin/env bash
# Gives a tagged revision 10, 50 and 100 % of the traffic. Before each further step its share of 5xx answers must hold; when it
# does not, when it cannot be read, or when this script is ended, all traffic goes back to the revision before.
#   PROJECT=... REGION=... SERVICE=... TAG=candidate deploy/release/shift.sh
set -euo pipefail
: "${PROJECT:?}" "${REGION:?}" "${SERVICE:?}" "${TAG:?}"
steps=(10 50 100)
# How long to look at each step, and how much longer until Cloud Monitoring shows what happened in that time.
look=${LOOK_SECONDS:-300}
delay=${DELAY_SECONDS:-240}
# Largest share of 5xx answers.
most=${MOST_ERRORS:-0.01}
monitoring=${MONITORING_URL:-https://monitoring.googleapis.com}

traffic() { gcloud run services update-traffic "$SERVICE" --project="$PROJECT" --region="$REGION" --quiet "$@"; }

old='' new='' url=''
while IFS=, read -r revision percent tag address; do
  if ((${percent:-0} > 0)); then
    # Two that share the traffic are a release that was left half done: which of them to go back to, a person decides.
    [[ -z $old ]] || { echo "$old and $revision share the traffic. See deploy/runbooks/incident.md, \"A release that went wrong\"."; exit 1; }
    old=$revision
  fi
  if [[ $tag == "$TAG" ]]; then new=$revision url=$address; fi
done < <(gcloud run services describe "$SERVICE" --project="$PROJECT" --region="$REGION" --flatten='status.traffic[]' \
  --format='csv[no-heading](status.traffic.revisionName,status.traffic.percent,status.traffic.tag,status.traffic.url)')
: "${old:?No revision has the traffic}" "${new:?No revision has the tag}"
if [[ $old == "$new" ]]; then
  echo "$new has all traffic already."
  exit 0
fi

back() {
  local status=$?
  if ((status == 0)); then return; fi
  echo "Going back to $old."
  traffic --to-revisions="$old=100"
  exit "$status"
}
trap back EXIT
trap 'exit 130' INT TERM

# count [LABELS]: requests of the new revision in the time looked at.
count() {
  local token
  token=$(gcloud auth print-access-token)
  curl --silent --show-error --fail --max-time 20 --get --config - \
    --data-urlencode "query=sum(increase(run_googleapis_com:request_count{monitored_resource=\"cloud_run_revision\",service_name=\"$SERVICE\",revision_name=\"$new\"${1:-}}[$((look + delay))s])) or vector(0)" \
    "$monitoring/v1/projects/$PROJECT/location/global/prometheus/api/v1/query" <<<"header = \"Authorization: Bearer $token\"" |
    sed -n 's/.*"value":\[[^,]*,"\([0-9.e+-]*\)"\].*/\1/p'
}

# Also asks the revision itself, so that a quiet hour has something to judge.
gate() {
  local until=$((SECONDS + look)) requests errors
  while ((SECONDS < until)); do
    curl --silent --output /dev/null --max-time 10 "$url/health/ready" || true
    sleep "${PAUSE_SECONDS:-10}"
  done
  sleep "$delay"
  requests=$(count)
  errors=$(count ',response_code_class="5xx"')
  echo "$new: ${errors:-?} of ${requests:-?} requests failed."
  [[ -n $requests && -n $errors ]] && awk -v n="$requests" -v e="$errors" -v most="$most" 'BEGIN { exit !(n > 0 && e <= n * most) }'
}

for step in "${steps[@]}"; do
  echo "$new: $step %"
  if ((step == 100)); then traffic --to-revisions="$new=100"; else traffic --to-revisions="$new=$step,$old=$((100 - step))"; fi
  gate || { echo "The gate does not hold at $step %."; exit 1; }
done
traffic --remove-tags="$TAG"
echo "$new has all traffic."
