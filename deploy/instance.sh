#!/usr/bin/env bash
# Makes what an environment needs once, in its own project: network, database instance, accounts. Needs an owner of it.
#   PROJECT=clinic-production REGION=us-central1 deploy/instance.sh
# Then: secrets.md, and the roles of the database (README.md, "A new environment").
set -euo pipefail
: "${PROJECT:?}" "${REGION:?}"
as=(--project="$PROJECT" --quiet)

gcloud services enable run.googleapis.com sqladmin.googleapis.com storage.googleapis.com secretmanager.googleapis.com compute.googleapis.com \
  servicenetworking.googleapis.com monitoring.googleapis.com "${as[@]}"

# A network in which only the service and its database are. /24 is room for 10 instances twice and the worker.
gcloud compute networks create medspa --subnet-mode=custom "${as[@]}"
gcloud compute networks subnets create medspa-run --network=medspa --region="$REGION" --range=10.8.0.0/24 \
  --enable-private-ip-google-access "${as[@]}"
gcloud compute addresses create medspa-services --global --purpose=VPC_PEERING --prefix-length=20 --network=medspa "${as[@]}"
gcloud services vpc-peerings connect --service=servicenetworking.googleapis.com --ranges=medspa-services --network=medspa "${as[@]}"

# The database: a private address only; a standby in another zone; every instant of the last seven days; Query Insights, which
# keeps statements without their values. max_connections is what the budget in cloudrun/service.yaml is made for.
gcloud sql instances create medspa \
  --database-version=POSTGRES_17 --edition=enterprise --tier=db-custom-2-7680 --region="$REGION" \
  --network="projects/$PROJECT/global/networks/medspa" --no-assign-ip --ssl-mode=ENCRYPTED_ONLY \
  --availability-type=regional --storage-type=SSD --storage-size=50 --storage-auto-increase \
  --backup-start-time=08:00 --enable-point-in-time-recovery --retained-backups-count=30 --retained-transaction-log-days=7 \
  --retain-backups-on-delete --deletion-protection \
  --database-flags=max_connections=250 \
  --insights-config-query-insights-enabled --insights-config-query-string-length=1024 --insights-config-query-plans-per-minute=5 \
  --no-insights-config-record-client-address --maintenance-window-day=SUN --maintenance-window-hour=9 "${as[@]}"

# Who the service is, and who the migrations are: neither can read the other's secrets (secrets.md).
for account in medspa-run medspa-migrate; do
  gcloud iam service-accounts create "$account" "${as[@]}"
  for role in roles/cloudsql.client roles/logging.logWriter roles/monitoring.metricWriter; do
    gcloud projects add-iam-policy-binding "$PROJECT" --member="serviceAccount:$account@$PROJECT.iam.gserviceaccount.com" \
      --role="$role" --condition=None "${as[@]}"
  done
done

# Where the ends of the audit log's chains go (docs/audit-log.md): the service adds objects, and for seven years nobody takes one away.
# Lock the retention once you are sure of it (gcloud storage buckets update --lock-retention-period): then no owner lifts it either.
gcloud storage buckets create "gs://$PROJECT-audit-anchors" --location="$REGION" --uniform-bucket-level-access \
  --public-access-prevention --retention-period=7y "${as[@]}"
gcloud storage buckets add-iam-policy-binding "gs://$PROJECT-audit-anchors" \
  --member="serviceAccount:medspa-run@$PROJECT.iam.gserviceaccount.com" --role=roles/storage.objectCreator "${as[@]}"

echo "Made. Next: deploy/secrets.md."
